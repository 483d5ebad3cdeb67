//! Randomness, handed in: the core draws none itself, so that a run can be repeated.

/// A source of numbers that nobody outside can foretell.
pub trait Entropy: Send {
    /// A number of which all values are equally likely.
    fn next_u64(&mut self) -> u64;

    /// A number below `bound`, which is above 0, all equally likely but for what does not show: less
    /// than one in 2³² for the bounds there are.
    fn below(&mut self, bound: u32) -> u32 {
        // The upper half of the product with a number of 32 bits (Lemire's method without rejection).
        let drawn = self.next_u64() >> 32;
        u32::try_from((drawn * u64::from(bound)) >> 32).unwrap_or(0)
    }
}

/// Numbers that follow from a seed, for tests and simulations: SplitMix64.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl Entropy for Seeded {
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }
}

#[cfg(test)]
mod tests {
    use super::{Entropy, Seeded};

    #[test]
    fn equal_seeds_give_equal_numbers_and_others_do_not() {
        let draw = |seed| {
            let mut entropy = Seeded::new(seed);
            [(); 4].map(|()| entropy.next_u64())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        // The first numbers of seed 0 as the algorithm's author gives them.
        assert_eq!(draw(0)[..2], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }

    #[test]
    fn number_below_a_bound_takes_all_values_about_equally_often() {
        let mut entropy = Seeded::new(7);
        let mut counts = [0_u32; 5];
        for _ in 0..50_000 {
            counts[entropy.below(5) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert_eq!(entropy.below(1), 0);
    }
}
