//! Owns the shortest Huffman code for symbols that occur so and so often, within what a JPEG can say: no code is longer than
//! 16 bits, and none is all ones (the JPEG standard's annex K.2).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Symbols are bytes.
pub(super) const SYMBOLS: usize = 256;
const LENGTH_MAX: usize = 16;
/// Of numbers that fit in 32 bits no code gets longer.
const LENGTH_BEFORE_MAX: usize = 64;

/// A code for the symbols that occur.
pub(super) struct Code {
    /// How many codes there are of each length, from 1.
    counts: [u8; LENGTH_MAX],
    /// The shortest code's first.
    symbols: Vec<u8>,
}

impl Code {
    pub(super) fn new(occurrences: &[u32; SYMBOLS]) -> Self {
        let lengths = lengths(occurrences);
        let mut counts = [0; LENGTH_BEFORE_MAX];
        lengths.iter().for_each(|&(length, _)| counts[length] += 1);
        shorten(&mut counts);
        // The last of the longest codes is the one of nothing but ones. It goes with the symbol that is none, and whatever
        // stands behind that one moves up.
        let longest = counts.iter().rposition(|&count| count > 0).expect("there is a symbol that is none");
        counts[longest] -= 1;
        let symbols = lengths.iter().filter_map(|&(_, symbol)| u8::try_from(symbol).ok()).collect();
        let counts = std::array::from_fn(|index| {
            u8::try_from(counts[index + 1]).expect("256 codes of one length are none")
        });
        Self { counts, symbols }
    }

    pub(super) fn counts(&self) -> &[u8; LENGTH_MAX] {
        &self.counts
    }

    pub(super) fn symbols(&self) -> &[u8] {
        &self.symbols
    }

    /// Each symbol with its code and the code's length in bits.
    pub(super) fn codes(&self) -> impl Iterator<Item = (u8, u32, u32)> {
        let lengths = (1..)
            .zip(self.counts)
            .flat_map(|(length, count)| std::iter::repeat_n(length, usize::from(count)));
        let mut next = (0, 0);
        self.symbols.iter().zip(lengths).map(move |(&symbol, length)| {
            let code = next.0 << (length - next.1);
            next = (code + 1, length);
            (symbol, code, length)
        })
    }
}

/// The length of each occurring symbol's code in a Huffman tree, the shortest first. One more symbol that is none occurs
/// once.
fn lengths(occurrences: &[u32; SYMBOLS]) -> Vec<(usize, usize)> {
    let occurring = (0..SYMBOLS).filter(|&symbol| occurrences[symbol] > 0);
    // A tree's node is an index: first the symbols, then what they are joined to. Of equal ones the later is joined first.
    let symbols: Vec<usize> = occurring.chain([SYMBOLS]).collect();
    let often = |symbol: usize| occurrences.get(symbol).map_or(1, |&count| u64::from(count));
    let mut heap: BinaryHeap<_> =
        symbols.iter().enumerate().map(|(node, &symbol)| (Reverse(often(symbol)), node)).collect();
    let mut parents = vec![0; symbols.len()];
    while let (Some((Reverse(rare), first)), Some((Reverse(next), second))) = (heap.pop(), heap.pop()) {
        let joined = parents.len();
        parents.push(0);
        (parents[first], parents[second]) = (joined, joined);
        heap.push((Reverse(rare + next), joined));
    }
    // The root is the last node, and parents come after their children.
    let mut depths = vec![0; parents.len()];
    for node in (0..parents.len() - 1).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    let mut lengths: Vec<_> = depths.into_iter().zip(symbols).collect();
    lengths.sort_unstable();
    lengths
}

/// Makes codes of more than 16 bits shorter: two that differ in their last bit become one of a bit less, and one of the
/// longest that are short enough makes room for the other.
fn shorten(counts: &mut [u32; LENGTH_BEFORE_MAX]) {
    for length in (LENGTH_MAX + 1..LENGTH_BEFORE_MAX).rev() {
        while counts[length] > 0 {
            let shorter = (1..length - 1).rev().find(|&shorter| counts[shorter] > 0);
            let shorter = shorter.expect("so many codes that some are short");
            counts[length] -= 2;
            counts[length - 1] += 1;
            counts[shorter + 1] += 2;
            counts[shorter] -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total_bits(code: &Code, occurrences: &[u32; SYMBOLS]) -> u64 {
        code.codes()
            .map(|(symbol, _, length)| u64::from(length) * u64::from(occurrences[usize::from(symbol)]))
            .sum()
    }

    proptest! {
        #[test]
        fn every_symbol_that_occurs_has_a_code_of_its_own_and_none_is_all_ones(
            counts in proptest::collection::vec((any::<u8>(), 1u32..1 << 26), 1..300),
        ) {
            let mut occurrences = [0u32; SYMBOLS];
            counts.iter().for_each(|&(symbol, count)| occurrences[usize::from(symbol)] = count);
            let code = Code::new(&occurrences);
            let codes: Vec<_> = code.codes().collect();
            prop_assert_eq!(codes.len(), occurrences.iter().filter(|&&count| count > 0).count());
            // In a full range of 16 bits each code takes a part of its own, and something is left.
            let mut end = 0;
            for &(symbol, code, length) in &codes {
                prop_assert!(occurrences[usize::from(symbol)] > 0 && (1..=16).contains(&length));
                prop_assert_eq!(code << (16 - length), end);
                end += 1 << (16 - length);
            }
            prop_assert!(end < 1 << 16);
            // No more than the entropy and a bit for each symbol.
            let all: f64 = occurrences.iter().map(|&count| f64::from(count)).sum();
            let entropy: f64 = occurrences.iter().filter(|&&count| count > 0)
                .map(|&count| f64::from(count) * ((all / f64::from(count)).log2() + 1.0)).sum();
            prop_assert!(total_bits(&code, &occurrences) as f64 <= entropy + 16.0 * 300.0);
        }
    }

    #[test]
    fn codes_that_would_be_too_long_are_shortened() {
        // As rare as Fibonacci's numbers: each symbol's code is a bit longer than the one before.
        let mut occurrences = [0u32; SYMBOLS];
        (occurrences[0], occurrences[1]) = (1, 1);
        (2..40).for_each(|symbol| occurrences[symbol] = occurrences[symbol - 1] + occurrences[symbol - 2]);
        let code = Code::new(&occurrences);
        assert_eq!(code.codes().count(), 40);
        assert!(code.codes().all(|(_, _, length)| length <= 16));
    }

    #[test]
    fn a_symbol_that_is_alone_has_one_bit() {
        let mut occurrences = [0; SYMBOLS];
        occurrences[7] = 1000;
        assert_eq!(Code::new(&occurrences).codes().collect::<Vec<_>>(), [(7, 0, 1)]);
    }
}
