//! Owns how much one original may cost, in bytes, pixels and seconds. Enforces nothing itself: the decoders check
//! pixels, the worker process bounds seconds and address space.

use clap::Args;
use serde::{Deserialize, Serialize};

/// What one original may cost. Reaching a limit rejects that original; it never affects another.
#[derive(Args, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest original in bytes; a larger one is rejected before it is decoded
    #[arg(long, env = "SAFELIGHT_FILE_BYTES_MAX", default_value_t = Limits::DEFAULT.file_bytes_max)]
    pub file_bytes_max: u64,
    /// Largest width times height; more is rejected from the header as `pixels_too_many`
    #[arg(long, env = "SAFELIGHT_DECODE_PIXELS_MAX", default_value_t = Limits::DEFAULT.decode_pixels_max)]
    pub decode_pixels_max: u64,
    /// Largest width or height; more is rejected from the header as `dimensions_too_large`
    #[arg(long, env = "SAFELIGHT_SIDE_PIXELS_MAX", default_value_t = Limits::DEFAULT.side_pixels_max)]
    pub side_pixels_max: u32,
    /// Largest ICC profile in bytes; a larger one is ignored and the colours are taken as sRGB
    #[arg(long, env = "SAFELIGHT_ICC_BYTES_MAX", default_value_t = Limits::DEFAULT.icc_bytes_max)]
    pub icc_bytes_max: u64,
    /// CPU seconds for one original; more ends the worker and rejects the original as `decode_timeout`
    #[arg(long, env = "SAFELIGHT_CPU_SECS", default_value_t = Limits::DEFAULT.cpu_secs)]
    pub cpu_secs: u64,
    /// Wall-clock seconds for one original; more ends the worker. Where it has CPU time left the host is the cause, and the
    /// original is tried again
    #[arg(long, env = "SAFELIGHT_WALL_SECS", default_value_t = Limits::DEFAULT.wall_secs)]
    pub wall_secs: u64,
    /// Address space of a worker in bytes; an allocation beyond it rejects the original as `decode_memory`
    #[arg(long, env = "SAFELIGHT_ADDRESS_SPACE_BYTES_MAX", default_value_t = Limits::DEFAULT.address_space_bytes_max)]
    pub address_space_bytes_max: u64,
}

impl Limits {
    /// 20 MiB, 50 megapixels, 16,384 pixels a side, 2 MiB of ICC, 5 s of CPU, 10 s of wall clock, 768 MiB.
    pub const DEFAULT: Self = Self {
        file_bytes_max: 20 << 20,
        decode_pixels_max: 50_000_000,
        side_pixels_max: 16_384,
        icc_bytes_max: 2 << 20,
        cpu_secs: 5,
        wall_secs: 10,
        address_space_bytes_max: 768 << 20,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
