//! Owns what every test begins with: a photo, a plan, limits, a pool, and the ways to ask.

use std::num::NonZeroUsize;

use darkroom::worker::{Failure, Pool, PoolConfig};
use darkroom::{Limits, Plan, Reason, Rendition};

pub(crate) fn photo(deed: &str) -> Vec<u8> {
    let pixels: Vec<u8> = (0..120 * 90 * 3).map(|i| (i % 251) as u8).collect();
    let mut file = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut file)
        .encode(&pixels, 120, 90, image::ExtendedColorType::Rgb8)
        .expect("a small photo can be encoded");
    // Behind the end of the image: a decoder does not look there.
    file.extend(deed.bytes());
    file
}

pub(crate) fn plan() -> Plan {
    vec![Rendition::new("small", 40, 80), Rendition::new("large", 100, 80)].into()
}

pub(crate) fn limits() -> Limits {
    Limits { cpu_secs: 1, wall_secs: 20, address_space_bytes_max: 512 << 20, ..Limits::DEFAULT }
}

pub(crate) fn config() -> PoolConfig {
    PoolConfig {
        workers: NonZeroUsize::new(2).expect("two is not zero"),
        limits: limits(),
        ..PoolConfig::default()
    }
}

pub(crate) fn pool() -> Pool {
    Pool::start(config()).expect("workers start")
}

pub(crate) fn rejection(pool: &Pool, customer: &str, deed: &str) -> (Reason, String) {
    match pool.develop(customer, &photo(deed), &plan()) {
        Err(Failure::Rejected { reason, detail }) => (reason, detail),
        other => panic!("`{deed}` gives {other:?}"),
    }
}

pub(crate) fn reason(deed: &str) -> Reason {
    let pool = pool();
    let (reason, _) = rejection(&pool, "c", deed);
    pool.develop("c", &photo(""), &plan()).expect("the next photo of the same customer");
    pool.develop("d", &photo(""), &plan()).expect("the next photo of another customer");
    reason
}

pub(crate) fn worker_pid(pool: &Pool, customer: &str) -> u32 {
    let (_, detail) = rejection(pool, customer, "do:pid x;");
    let (_, pid) = detail.rsplit_once(' ').expect("the detail ends with the pid");
    pid.parse().expect("a pid is a number")
}
