//! Advice must be a valid expression.

use super::check;

/// A random number generator with a fixed sequence.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        // xorshift64*, by Marsaglia and Vigna.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    /// A field that is mostly valid, with values around those that `field` allows.
    fn field(&mut self, field: usize) -> String {
        const LAST: [usize; 5] = [59, 23, 31, 12, 7];
        const NAMES: [&[&str]; 2] = [&["JAN", "feb", "Dec", "MON"], &["SUN", "mon", "Sat", "JAN"]];
        const ODD: [&str; 18] = [
            "",
            "?",
            "L",
            "5L",
            "FRI#3",
            "1#L",
            "MON#6",
            "H",
            "-",
            "+",
            "*",
            "**",
            "/",
            "a",
            "é",
            "99999999999",
            "MONDAY",
            "1.5",
        ];
        let value = |random: &mut Random| match field {
            _ if random.one_in(100) => random.one_of(&ODD).to_owned(),
            3 | 4 if random.one_in(3) => random.one_of(NAMES[field - 3]).to_owned(),
            _ if random.one_in(20) => format!("0{}", random.below(10)),
            _ if random.one_in(40) => random.below(LAST[field] + 2).to_string(),
            _ => (1 + random.below(LAST[field])).to_string(),
        };
        let item = |random: &mut Random| {
            let range = match random.below(6) {
                0..=2 => "*".to_owned(),
                3 | 4 => value(random),
                _ => format!("{}-{}", value(random), value(random)),
            };
            match random.below(8) {
                0 => format!("{range}/{}", random.below(LAST[field] + 3)),
                _ => range,
            }
        };
        let items = if self.one_in(8) { 1 + self.below(3) } else { 1 };
        let items: Vec<_> = (0..items).map(|_| item(self)).collect();
        let plus = if field == 4 && self.one_in(6) { "+" } else { "" };
        format!("{plus}{}", items.join(","))
    }

    fn expression(&mut self) -> String {
        const ODD: [&str; 9] = ["@daily", "@Daily", "@every", "@reboot", "TZ=UTC", "every", "02:30", "5m", "2027"];
        let blank =
            |random: &mut Random| if random.one_in(20) { random.one_of(&["\t", "  ", " \t ", "\n"]) } else { " " };
        let mut fields: Vec<_> = (0..5).map(|field| self.field(field)).collect();
        match self.below(50) {
            0 => drop(fields.pop()),
            1 => fields.push(self.field(4)),
            2 => fields.insert(0, self.one_of(&ODD).to_owned()),
            3 => fields[0] = self.one_of(&ODD).to_owned(),
            4 => fields = vec![self.one_of(&ODD).to_owned()],
            _ => {}
        }
        let mut text = String::new();
        for (index, field) in fields.iter().enumerate() {
            if index > 0 || self.one_in(30) {
                text += blank(self);
            }
            text += field;
        }
        text
    }
}

/// Following the advice leads to a valid expression in one step, or in a few.
#[test]
fn what_is_advised_is_taken() {
    let mut random = Random(0xca11);
    let mut advised = 0;
    for _ in 0..30_000 {
        let expression = random.expression();
        let Err(says) = check(&expression) else { continue };
        let Some((_, advice)) = says.rsplit_once("write `cron = \"") else { continue };
        let (advice, _) = advice.split_once('"').expect("it is a string");
        // An escape in a Rust string.
        if !advice.contains('\\') {
            assert_eq!(check(advice), Ok(()), "advised for {expression:?}");
            advised += 1;
        }
    }
    assert!(advised > 1_000, "{advised}");
}
