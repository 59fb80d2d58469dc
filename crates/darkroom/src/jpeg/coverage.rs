//! Owns how much of a picture the scans of a file have brought so far: every component, every coefficient, every bit.

use super::dct::PLACES;
use super::headers::{Coding, FrameHeader, ScanHeader};

/// What the scans read so far have brought of a frame.
#[derive(Debug)]
pub(super) struct Coverage {
    coding: Coding,
    /// For each component, how many of each coefficient's lowest bits are missing; `None` before its first scan.
    missing_bits: Vec<[Option<u32>; PLACES]>,
}

impl Coverage {
    pub(super) fn new(frame: &FrameHeader) -> Self {
        Self { coding: frame.coding, missing_bits: vec![[None; PLACES]; frame.components.len()] }
    }

    /// Takes a scan; `None` if it does not follow from those before: it refines what is not there, or repeats.
    pub(super) fn add(&mut self, scan: &ScanHeader) -> Option<()> {
        let (band, high, low) = match self.coding {
            Coding::Lossless => (0..=PLACES - 1, 0, 0),
            _ => (scan.band.0..=scan.band.1.min(PLACES - 1), scan.high, scan.low),
        };
        for part in &scan.parts {
            let places = &mut self.missing_bits[part.component];
            let follows = *band.start() == 0 || places[0].is_some();
            let band = places.get_mut(band.clone())?;
            if !follows || band.iter().any(|missing| missing.unwrap_or(0) != high) {
                return None;
            }
            band.fill(Some(low));
        }
        Some(())
    }

    /// Whether nothing is missing: what follows is no part of the picture.
    pub(super) fn is_complete(&self) -> bool {
        self.missing_bits.iter().flatten().all(|&missing| missing == Some(0))
    }

    /// Whether every component has been begun: an encoder may stop there, and decoders show what there is.
    pub(super) fn has_every_component(&self) -> bool {
        self.missing_bits.iter().all(|places| places[0].is_some())
    }
}
