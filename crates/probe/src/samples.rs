//! Several samples of one probe, made into one result. Pure.

use assay_model::{Health, Samples};

/// Samples of one probe, at most. A thousand make a 99th percentile; past that it is a load test.
pub(crate) const SAMPLES_MAX: u32 = 1_000;

/// The samples so far, with the exchange of the worst one alone: a thousand bodies would be much.
#[derive(Default)]
pub(crate) struct Taken {
    count: u32,
    served: Vec<u64>,
    table: String,
    worst: Option<(Health, Vec<u8>)>,
}

impl Taken {
    /// Adds one.
    pub(crate) fn add(&mut self, health: Health, exchange: Vec<u8>) {
        self.count += 1;
        let (status, took) = (health.status, health.latency_ms);
        if status.serves() {
            self.served.push(took);
        }
        self.table.push_str(&format!(
            "sample {}: {}, {took} ms, {}\n",
            self.count,
            status.word(),
            health.detail
        ));
        // The slowest among equals.
        let is_worse = |worst: &(Health, _)| (worst.0.status, worst.0.latency_ms) < (status, took);
        if self.worst.as_ref().is_none_or(is_worse) {
            self.worst = Some((health, exchange));
        }
    }

    /// One result out of all of them; `None` without any.
    pub(crate) fn combine(self) -> Option<(Health, Vec<u8>)> {
        let (health, exchange) = self.worst?;
        Some(combine(
            health,
            &exchange,
            self.count,
            self.served,
            &self.table,
        ))
    }
}

fn combine(
    mut health: Health,
    exchange: &[u8],
    count: u32,
    mut served: Vec<u64>,
    table: &str,
) -> (Health, Vec<u8>) {
    served.sort_unstable();
    let samples = Samples {
        count,
        failed: count.saturating_sub(u32::try_from(served.len()).unwrap_or(u32::MAX)),
        p50_ms: nearest_rank(&served, 50),
        p95_ms: nearest_rank(&served, 95),
        max_ms: served.last().copied().unwrap_or_default(),
    };
    let times = format!(
        "{} samples: p50 {} ms, p95 {} ms, slowest {} ms",
        samples.count, samples.p50_ms, samples.p95_ms, samples.max_ms
    );
    health.detail = if samples.failed > 0 {
        let failed = samples.failed;
        format!("{failed} of {count} samples failed: {}", health.detail)
    } else {
        format!("{times}; the worst {}", health.detail)
    };
    if !served.is_empty() {
        health.latency_ms = samples.p50_ms;
    }
    health.samples = Some(samples);
    let mut evidence = format!("{times}\n{table}\nthe worst of them:\n").into_bytes();
    evidence.extend_from_slice(exchange);
    (health, evidence)
}

/// The smallest value that at least `percent` of all are not above; 0 without any.
fn nearest_rank(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use assay_model::Status;
    use proptest::prelude::*;

    use super::*;

    fn combined(samples: &[(Status, u64)]) -> Option<(Health, Vec<u8>)> {
        let mut taken = Taken::default();
        for (status, latency_ms) in samples {
            let mut health = Health::new("api".into(), "tcp", "tcp://host:1", *status);
            health.latency_ms = *latency_ms;
            health.detail = format!("took {latency_ms}");
            taken.add(health, b"exchange".to_vec());
        }
        taken.combine()
    }

    fn check(samples: &[(Status, u64)], expected: (Status, u64, &str)) {
        let (health, _) = combined(samples).unwrap();
        assert_eq!(
            (health.status, health.latency_ms),
            (expected.0, expected.1),
            "{}",
            health.detail
        );
        assert!(health.detail.contains(expected.2), "{}", health.detail);
    }

    #[test]
    fn the_worst_sample_stands_for_all() {
        use Status::{Degraded, Healthy, Refused, Unavailable};
        check(
            &[(Healthy, 3), (Healthy, 1), (Healthy, 2)],
            (Healthy, 2, "3 samples: p50 2 ms, p95 3 ms, slowest 3 ms"),
        );
        check(
            &[(Healthy, 1), (Degraded, 9)],
            (Degraded, 1, "the worst took 9"),
        );
        check(
            &[(Unavailable, 5), (Healthy, 1), (Refused, 7)],
            (Refused, 1, "2 of 3 samples failed: took 7"),
        );
        check(
            &[(Refused, 7), (Refused, 8)],
            (Refused, 8, "2 of 2 samples failed"),
        );
        assert!(combined(&[]).is_none());
    }

    #[test]
    fn ranks_are_nearest() {
        let check = |values: &[u64], percent, expected| {
            assert_eq!(nearest_rank(values, percent), expected, "{values:?}");
        };
        check(&[], 50, 0);
        check(&[7], 95, 7);
        check(&[15, 20, 35, 40, 50], 30, 20);
        check(&[15, 20, 35, 40, 50], 40, 20);
        check(&[15, 20, 35, 40, 50], 50, 35);
        check(&[15, 20, 35, 40, 50], 100, 50);
    }

    proptest! {
        #[test]
        fn percentiles_lie_within(values in proptest::collection::vec(0_u64..1000, 1..40)) {
            let samples: Vec<_> = values.iter().map(|ms| (Status::Healthy, *ms)).collect();
            let samples = combined(&samples).unwrap().0.samples.unwrap();
            prop_assert!(values.contains(&samples.p50_ms) && values.contains(&samples.p95_ms));
            prop_assert!(samples.p50_ms <= samples.p95_ms && samples.p95_ms <= samples.max_ms);
        }
    }
}
