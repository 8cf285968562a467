//! The signatures do what their own samples say.

use assay_diagnose::{Catalogue, Signature, read_log};
use assay_model::Exit;

fn shows(signature: &Signature, sample: &str) -> bool {
    let mut words = sample.split(' ').rev();
    let number = words.next().and_then(|word| word.parse().ok());
    let exit = |code, signal| Exit {
        at: assay_model::Timestamp::UNIX_EPOCH,
        code,
        signal,
        uptime_ms: 0,
        requested: false,
        out_of_memory: false,
    };
    let by_exit = number.is_some_and(|number| {
        signature.is_exit(&if sample.starts_with("signal ") {
            exit(None, Some(number))
        } else {
            exit(Some(number), None)
        })
    });
    by_exit
        || read_log(sample, 1)
            .iter()
            .any(|record| signature.find(record).is_some())
}

#[test]
fn every_sample_holds() {
    let mut count = 0;
    for signature in Catalogue::builtin().iter() {
        count += 1;
        for sample in &signature.matches {
            assert!(
                shows(signature, sample),
                "{} must match:\n{sample}",
                signature.id
            );
        }
        for sample in &signature.nomatch {
            assert!(
                !shows(signature, sample),
                "{} must not match:\n{sample}",
                signature.id
            );
        }
    }
    assert_eq!(count, std::fs::read_dir("signatures").unwrap().count());
}

/// A sample is recognised as its own signature and not as another one.
#[test]
fn the_most_specific_signature_wins() {
    let catalogue = Catalogue::builtin();
    for signature in catalogue.iter() {
        for sample in &signature.matches {
            let records = read_log(sample, 1);
            let found = records
                .iter()
                .find_map(|record| catalogue.recognise(record));
            if let Some((found, _)) = found {
                assert_eq!(found.id, signature.id, "{sample}");
            }
        }
    }
}

fn check(text: &str, expected: &str) {
    let refused = Catalogue::parse([("x".to_owned(), text.to_owned())]).unwrap_err();
    let chain = std::error::Error::source(&refused).map_or(String::new(), |s| s.to_string());
    let shown = format!("{refused}: {chain}");
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn faulty_files_are_refused() {
    let good = |change: &str| {
        format!(
            "{change}\ntitle = \"t\"\nclass = \"code\"\nlayer = \"runtime\"\ncomponent = \"c\"\n\
             explanation = \"e\"\nremedies = [\"person\"]\nmatch = [\"a\"]\nnomatch = [\"b\"]\n\
             [gate]\nid = \"g\"\nadvice = \"a\"\n"
        )
    };
    let head = "id = \"x\"\nspecificity = 5\n";
    let fine = good(&format!("{head}patterns = [\"a\"]"));
    assert!(Catalogue::parse([("x".to_owned(), fine)]).is_ok());
    check(
        &good(&format!("{head}patterns = [\"a\"]\ncolour = 1")),
        "unknown field `colour`",
    );
    check(
        &good(&format!("{head}patterns = [\"(\"]")),
        "invalid pattern",
    );
    check(
        &good(&format!("{head}patterns = [\"(?P<hue>a)\"]")),
        "capture \"hue\" is not one of",
    );
    check(&good(head), "nothing to recognise");
    check(
        &good("id = \"y\"\nspecificity = 5\npatterns = [\"a\"]"),
        "differs from the file's name",
    );
    check(
        &good("id = \"x\"\nspecificity = 0\npatterns = [\"a\"]"),
        "outside 1 to 100",
    );
    check(
        &good(&format!("{head}patterns = [\"a\"]")).replace("\"e\"", "\"{hue}\""),
        "placeholder {hue}",
    );
}
