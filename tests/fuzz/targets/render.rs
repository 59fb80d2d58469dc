//! Any file with any plan: the last bytes say which renditions are made of the rest.
#![no_main]

use darkroom::Rendition;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&count, rest)) = input.split_last() else { return };
    let (file, numbers) = rest.split_at(rest.len().saturating_sub(3 * usize::from(count % 5)));
    let rendition =
        |numbers: &[u8]| Rendition::new("any", u32::from(numbers[0]) << (numbers[1] % 5), numbers[2]);
    fuzz::check(file, &numbers.chunks_exact(3).map(rendition).collect::<Vec<_>>().into());
});
