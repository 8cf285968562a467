//! Values inside a JSON document: `$.a.b`, `$.a[0]`.

use serde_json::Value;

/// The value at `path`; `None` where there is none, or where `path` is not a path.
pub(crate) fn find<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    let mut rest = path.strip_prefix('$')?;
    let mut value = document;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            value = value.as_object()?.get(name)?;
            rest = after;
        } else {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            value = value.as_array()?.get(index.parse::<usize>().ok()?)?;
            rest = after;
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(path: &str, expected: Option<Value>) {
        let document = json!({ "a": { "b": 1, "c-d": [10, { "e": null }] }, "": 2 });
        assert_eq!(find(&document, path), expected.as_ref(), "{path}");
    }

    #[test]
    fn paths_lead_to_values() {
        check("$.a.b", Some(json!(1)));
        check("$.a.c-d[0]", Some(json!(10)));
        check("$.a.c-d[1].e", Some(json!(null)));
        check("$.", Some(json!(2)));
        check("$.x", None);
        check("$.a.b.c", None);
        check("$.a[0]", None);
        check("$.a.c-d[2]", None);
        check("$.a.c-d[-1]", None);
        check("$.a.c-d[0", None);
        check("a.b", None);
        check("$a", None);
        check("", None);
    }

    proptest! {
        #[test]
        fn any_path_is_answered(path in "[$.a-c\\[\\]0-9]{0,12}") {
            let document = json!({ "a": [{ "b": 1 }], "b": { "c": [[0]] } });
            let _found = find(&document, &path);
        }

        #[test]
        fn what_is_put_at_a_path_is_found_there(names in proptest::collection::vec("[a-z]{1,5}", 1..5), index in 0_usize..3) {
            let mut document = json!("here");
            let mut path = format!("[{index}]");
            let mut items = vec![Value::Null; index];
            items.push(document);
            document = Value::Array(items);
            for name in names.iter().rev() {
                document = json!({ name: document });
                path = format!(".{name}{path}");
            }
            let path = format!("${path}");
            prop_assert_eq!(find(&document, &path), Some(&json!("here")));
        }
    }
}
