//! The fewest candidates that explain the most symptoms.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;

/// Up to this many candidates every subset is weighed (2^12 of them, well under a second);
/// beyond it the best next one is taken, one at a time.
const EXACT_MAX: usize = 12;

/// What one candidate offers.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// Symptoms that it explains.
    pub(crate) explains: BTreeSet<usize>,
    /// How much its signature says.
    pub(crate) specificity: u32,
    /// When it was first seen.
    pub(crate) first_seen: Timestamp,
    /// The last tie-break.
    pub(crate) name: String,
}

/// Places of the chosen candidates, in order. Ties: more specific, earlier, by name.
pub(crate) fn fewest(choices: &[Choice]) -> Vec<usize> {
    let useful: Vec<usize> = (0..choices.len())
        .filter(|place| !choices[*place].explains.is_empty())
        .collect();
    if useful.len() > EXACT_MAX {
        return greedy(choices, useful);
    }
    let mut best: (Vec<usize>, Option<Worth>) = (Vec::new(), None);
    for mask in 1_u32..1 << useful.len() {
        let subset: Vec<usize> = useful
            .iter()
            .enumerate()
            .filter(|(bit, _)| mask & (1 << bit) != 0)
            .map(|(_, place)| *place)
            .collect();
        let worth = worth(choices, &subset);
        if best.1.as_ref().is_none_or(|known| worth < *known) {
            best = (subset, Some(worth));
        }
    }
    best.0
}

/// Smaller is better.
type Worth = (Reverse<usize>, usize, Reverse<u32>, i128, Vec<String>);

fn worth(choices: &[Choice], subset: &[usize]) -> Worth {
    let chosen = || subset.iter().map(|place| &choices[*place]);
    let explained: BTreeSet<usize> = chosen()
        .flat_map(|choice| choice.explains.iter().copied())
        .collect();
    let mut names: Vec<String> = chosen().map(|choice| choice.name.clone()).collect();
    names.sort();
    (
        Reverse(explained.len()),
        subset.len(),
        Reverse(chosen().map(|choice| choice.specificity).sum()),
        chosen()
            .map(|choice| choice.first_seen.as_nanosecond())
            .sum(),
        names,
    )
}

fn greedy(choices: &[Choice], mut left: Vec<usize>) -> Vec<usize> {
    let mut explained: BTreeSet<usize> = BTreeSet::new();
    let mut chosen = Vec::new();
    loop {
        let key = |place: &usize| {
            let choice = &choices[*place];
            let new = choice.explains.difference(&explained).count();
            (
                Reverse(new),
                Reverse(choice.specificity),
                choice.first_seen,
                choice.name.clone(),
            )
        };
        let Some(next) = left.iter().copied().min_by_key(key) else {
            break;
        };
        if choices[next].explains.is_subset(&explained) {
            break;
        }
        explained.extend(choices[next].explains.iter().copied());
        left.retain(|place| *place != next);
        chosen.push(next);
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(name: &str, specificity: u32, second: i64, explains: &[usize]) -> Choice {
        Choice {
            explains: explains.iter().copied().collect(),
            specificity,
            first_seen: Timestamp::from_second(second).unwrap(),
            name: name.to_owned(),
        }
    }

    fn check(choices: &[Choice], expected: &[&str]) {
        let useful: Vec<usize> = (0..choices.len()).collect();
        let names = |places: Vec<usize>| -> Vec<String> {
            places
                .into_iter()
                .map(|place| choices[place].name.clone())
                .collect()
        };
        assert_eq!(names(fewest(choices)), expected, "exact");
        assert_eq!(names(greedy(choices, useful)), expected, "greedy");
    }

    #[test]
    fn fewest_then_ties() {
        check(&[], &[]);
        check(&[choice("a", 9, 0, &[])], &[]);
        check(
            &[choice("a", 9, 0, &[0]), choice("b", 1, 0, &[0, 1])],
            &["b"],
        );
        check(
            &[choice("a", 1, 0, &[0, 1]), choice("b", 1, 0, &[2])],
            &["a", "b"],
        );
        check(&[choice("a", 1, 0, &[0]), choice("b", 2, 5, &[0])], &["b"]);
        check(&[choice("a", 1, 5, &[0]), choice("b", 1, 0, &[0])], &["b"]);
        check(&[choice("b", 1, 0, &[0]), choice("a", 1, 0, &[0])], &["a"]);
    }

    #[test]
    fn exact_search_beats_greed() {
        let choices = [
            choice("wide", 1, 0, &[1, 2, 3, 4]),
            choice("left", 1, 0, &[0, 1, 2]),
            choice("right", 1, 0, &[3, 4, 5]),
        ];
        assert_eq!(fewest(&choices), [1, 2]);
    }
}
