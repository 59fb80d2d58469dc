//! Owns pixels as a PAM file: what a worker hands a program of the operator's, and the check that it is exactly that.

use crate::Extent;

/// The header of a PAM file; rows of `depth` bytes a pixel follow, from the top, without padding: 3 are red, green and
/// blue, sRGB; 4 are these and alpha, not premultiplied; 1 and 2 are grey without and with alpha.
pub fn pam_header(width: u32, height: u32, depth: usize) -> Vec<u8> {
    let kind = match depth {
        1 => "GRAYSCALE",
        2 => "GRAYSCALE_ALPHA",
        4 => "RGB_ALPHA",
        _ => "RGB",
    };
    format!("P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL 255\nTUPLTYPE {kind}\nENDHDR\n")
        .into_bytes()
}

/// Whether `file` is a PAM file of this size, with pixels of `depth` bytes, whole and with nothing behind it.
pub(crate) fn is_pam(file: &[u8], size: Extent, depth: usize) -> bool {
    let pixels = file.strip_prefix(&pam_header(size.width, size.height, depth)[..]);
    let expected = size.pixels() * depth as u64;
    pixels.is_some_and(|pixels| pixels.len() as u64 == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_one_size_and_depth_to_the_byte() {
        let whole = [pam_header(2, 3, 4), vec![7; 24]].concat();
        assert!(is_pam(&whole, Extent::new(2, 3), 4));
        assert!(!is_pam(&whole, Extent::new(3, 2), 4));
        assert!(!is_pam(&whole, Extent::new(2, 3), 3));
        assert!(!is_pam(&whole[..whole.len() - 1], Extent::new(2, 3), 4));
        assert!(!is_pam(&[&whole[..], b"x"].concat(), Extent::new(2, 3), 4));
        assert!(!is_pam(b"", Extent::new(0, 0), 3));
    }
}
