//! The sample photos that `demo` pushes, built in so that the command works anywhere.

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../tests/photos"]
struct Photos;

/// A sample and how it must end.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// None: processed. Some: failed with this reason.
    pub(crate) failure: Option<&'static str>,
}

/// Returns every sample, by name.
pub(crate) fn all() -> Vec<Sample> {
    let is_image = |name: &str| [".jpg", ".png", ".gif", ".webp"].iter().any(|end| name.ends_with(end));
    let mut samples: Vec<Sample> = Photos::iter()
        .filter(|name| is_image(name))
        .filter_map(|name| {
            let bytes = Photos::get(&name)?.data.into_owned();
            // One file is cut short on purpose, to show what becomes of such a file.
            let failure = name.contains("truncated").then_some("truncated");
            Some(Sample { name: name.into_owned(), bytes, failure })
        })
        .collect();
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_show_each_format_and_one_failure() {
        let samples = all();
        for extension in ["jpg", "png", "gif", "webp"] {
            assert!(samples.iter().any(|sample| sample.name.ends_with(extension)), "{extension}");
        }
        assert_eq!(samples.iter().filter(|sample| sample.failure.is_some()).count(), 1);
    }
}
