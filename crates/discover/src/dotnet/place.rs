//! Where the files of a project stand.

use crate::paths;

/// The folder of the project that a file of its `Properties` belongs to.
pub(super) fn project_folder(path: &str) -> String {
    let folder = paths::folder(path);
    match folder.rsplit_once('/') {
        Some((above, "Properties")) => above.to_owned(),
        None if folder == "Properties" => ".".to_owned(),
        _ => folder.to_owned(),
    }
}
