//! libjpeg-turbo as a judge of what we read and write ourselves.

use turbojpeg::Subsamp;

/// The samples of all planes as libjpeg draws them, one plane after the other, without what pads them.
pub(crate) fn drawn(file: &[u8]) -> Vec<u8> {
    let image = turbojpeg::decompress_to_yuv(file).expect("libjpeg reads it without a warning");
    let (across, down) = image.subsamp.size();
    let chroma = (image.uv_size(), (image.width.div_ceil(across), image.height.div_ceil(down)));
    let planes = [(image.y_size(), (image.width, image.height)), chroma, chroma];
    let count = if image.subsamp == Subsamp::Gray { 1 } else { 3 };
    let (mut rest, mut samples) = (&image.pixels[..], Vec::new());
    for ((pitch, rows), (width, height)) in planes.into_iter().take(count) {
        let pitch = pitch.next_multiple_of(image.align);
        let (plane, others) = rest.split_at(pitch * rows);
        plane.chunks_exact(pitch).take(height).for_each(|row| samples.extend_from_slice(&row[..width]));
        rest = others;
    }
    samples
}
