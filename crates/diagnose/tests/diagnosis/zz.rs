#[test]
fn zz() {
    for (n, f) in crate::incidents::ALL {
        let d = assay_diagnose::diagnose(&f(), assay_diagnose::Catalogue::builtin());
        println!("=== {n} {:?}", d.verdict);
        for s in &d.symptoms {
            println!("  S {} {:?}", s.text, s.first_seen);
        }
        for c in &d.causes {
            println!(
                "  C {} conf {} count {:?}\n    {}\n    pat {:?}\n    sym {:?} tests {:?}\n    gate {:?}",
                c.id,
                c.confidence,
                c.count,
                c.summary,
                c.log_pattern,
                c.symptoms,
                c.failing_tests,
                c.gate
            );
            for w in &c.whys {
                println!(
                    "    W {}: {}\n       ex {:?}\n       ev {:?}\n       ref {:?}",
                    w.question,
                    w.text,
                    w.excerpt,
                    w.evidence
                        .iter()
                        .map(|e| e.source.label())
                        .collect::<Vec<_>>(),
                    w.refuted.as_ref().map(|r| (&r.alternative, &r.reason))
                );
            }
            for r in &c.refuted {
                println!("    R {} -- {}", r.alternative, r.reason);
            }
        }
        println!(
            "  unexpl {:?} pre {:?}\n  decoys {:?}\n  missing {:?}",
            d.unexplained, d.pre_existing, d.decoys, d.missing_evidence
        );
    }
}
