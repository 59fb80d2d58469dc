//! Owns the tables in force, as the segments before a scan left them.

use super::frame::Quantisers;
use super::huffman::Huffman;
use super::standard::{AC_CHROMA, AC_LUMA, DC_CHROMA, DC_LUMA};
use crate::jpeg::dct::PLACES;
use crate::jpeg::headers::Coding;
use crate::jpeg::markers::{DHT, DQT, DRI};
use crate::jpeg::walk::Segment;

/// The highest symbol of a code for means: a size of 15 bits.
const DC_SYMBOL_MAX: u8 = 15;

/// What a Huffman table is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Dc,
    Ac,
}

/// Quantisers, codes and how often a scan restarts.
pub(super) struct Tables<'a> {
    pub(super) quantisers: Quantisers,
    /// Counts and symbols: classes of four.
    huffman: [[Option<&'a [u8]>; 4]; 2],
    pub(super) restart_interval: usize,
}

impl<'a> Tables<'a> {
    /// The tables before the first segment: a sequential file may mean the standard's.
    pub(super) fn new(coding: Coding) -> Self {
        let standard = |luma, chroma| match coding {
            Coding::Sequential => [Some(luma), Some(chroma), None, None],
            _ => [None; 4],
        };
        let huffman = [standard(DC_LUMA, DC_CHROMA), standard(AC_LUMA, AC_CHROMA)];
        Self { quantisers: Quantisers::default(), huffman, restart_interval: 0 }
    }

    /// Takes a segment that is no scan; `None` if it is nothing that an everyday file has.
    pub(super) fn note(&mut self, segment: &Segment<'a>) -> Option<()> {
        match segment.marker {
            DQT => self.note_quantisers(segment.payload),
            _ => self.note_codes(segment),
        }
    }

    /// The same, without quantisers.
    pub(super) fn note_codes(&mut self, segment: &Segment<'a>) -> Option<()> {
        match segment.marker {
            DHT => self.note_huffman(segment.payload),
            DRI => {
                let [high, low] = *segment.payload else { return None };
                self.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                Some(())
            }
            _ => None,
        }
    }

    fn note_quantisers(&mut self, mut payload: &[u8]) -> Option<()> {
        while let [head, rest @ ..] = payload {
            let wide = usize::from(head >> 4 != 0);
            let (values, after) = rest.split_at_checked(PLACES << wide)?;
            let steps = std::array::from_fn(|place| match wide {
                0 => u16::from(values[place]),
                _ => u16::from_be_bytes([values[2 * place], values[2 * place + 1]]),
            });
            let slot = self.quantisers.get_mut(usize::from(head & 15))?;
            // A table that changes between scans applies to some components only: seldom, and not worth following.
            if slot.replace(steps).is_some_and(|old| old != steps) {
                return None;
            }
            payload = after;
        }
        Some(())
    }

    fn note_huffman(&mut self, mut payload: &'a [u8]) -> Option<()> {
        while let [head, rest @ ..] = payload {
            let counts = rest.first_chunk::<16>()?;
            let symbols: usize = counts.iter().map(|&count| usize::from(count)).sum();
            if symbols > 256 {
                return None;
            }
            let (table, after) = rest.split_at_checked(16 + symbols)?;
            *self.huffman.get_mut(usize::from(head >> 4))?.get_mut(usize::from(head & 15))? = Some(table);
            payload = after;
        }
        Some(())
    }

    /// The codes of one table; `None` where there is none, or none that libjpeg would take.
    pub(super) fn codes(&self, class: Class, index: u8) -> Option<Huffman> {
        let table = (*self.huffman[class as usize].get(usize::from(index))?)?;
        let (counts, symbols) = table.split_first_chunk::<16>()?;
        if class == Class::Dc && symbols.iter().any(|&symbol| symbol > DC_SYMBOL_MAX) {
            return None;
        }
        Huffman::new(counts, symbols)
    }
}
