//! `*.csproj` and the projects of the other languages of .NET.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::clue::{Origin, Package};
use crate::paths;

/// References of one project that are followed; the largest solutions have some hundred.
const REFERENCES_MAX: usize = 500;

/// Whether a file is a project.
pub(super) fn is_project(path: &str) -> bool {
    [".csproj", ".fsproj", ".vbproj"]
        .iter()
        .any(|end| path.ends_with(end))
}

/// The package of a project; `None` for one that cannot be read, and for a host of Aspire, which
/// starts the others and is none of them.
pub(super) fn read(path: &str, text: &str) -> Option<Package> {
    let project = Project::read(text)?;
    if project.is_host() {
        return None;
    }
    let name = paths::name(path);
    let folder = paths::folder(path);
    let is_web = project.sdk_is("Microsoft.NET.Sdk.Web");
    let mut uses: Vec<String> = project
        .references
        .iter()
        .filter_map(|reference| paths::join(folder, &reference.replace('\\', "/")))
        .map(|file| paths::folder(&file).to_owned())
        .collect();
    uses.sort();
    uses.dedup();
    Some(Package {
        origin: Origin {
            file: path.to_owned(),
            line: 0,
        },
        folder: folder.to_owned(),
        name: name.rsplit_once('.').map(|(stem, _)| stem.to_owned()),
        language: "dotnet".to_owned(),
        runs: is_web || project.sdk_is("Microsoft.NET.Sdk.Worker") || project.is_program,
        notable: is_web.then(|| "asp.net".to_owned()).into_iter().collect(),
        uses,
    })
}

/// What a project file says.
#[derive(Debug, Default)]
struct Project {
    sdks: Vec<String>,
    references: Vec<String>,
    is_program: bool,
    marked_host: bool,
}

impl Project {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = Reader::from_str(text);
        let mut project = Self::default();
        let mut value = String::new();
        let mut begun = false;
        loop {
            match reader.read_event().ok()? {
                Event::Start(element) | Event::Empty(element) => {
                    let name = element.local_name().as_ref().to_owned();
                    begun |= name == "Project";
                    project.element(&name, &element);
                    value.clear();
                }
                Event::Text(text) => value.push_str(&text.xml10_content()),
                Event::End(element) => {
                    let said = value.trim();
                    match element.local_name().as_ref() {
                        "OutputType" => project.is_program |= said.eq_ignore_ascii_case("exe"),
                        "IsAspireHost" => project.marked_host |= said.eq_ignore_ascii_case("true"),
                        _ => {}
                    }
                    value.clear();
                }
                Event::Eof => break,
                _ => {}
            }
        }
        begun.then_some(project)
    }

    fn element(&mut self, name: &str, element: &BytesStart<'_>) {
        match name {
            "Project" => {
                let sdks = attribute(element, "Sdk").unwrap_or_default();
                self.sdks.extend(sdks.split(';').map(str::to_owned));
            }
            "Sdk" => self.sdks.extend(attribute(element, "Name")),
            "ProjectReference" if self.references.len() < REFERENCES_MAX => {
                self.references.extend(attribute(element, "Include"));
            }
            _ => {}
        }
    }

    fn sdk_is(&self, wanted: &str) -> bool {
        let name = |sdk: &String| sdk.split('/').next().unwrap_or_default().trim().to_owned();
        self.sdks.iter().any(|sdk| name(sdk) == wanted)
    }

    fn is_host(&self) -> bool {
        self.marked_host || self.sdk_is("Aspire.AppHost.Sdk")
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).ok()??;
    Some(
        found
            .normalized_value(XmlVersion::Implicit1_0)
            .ok()?
            .into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = read("src/Basket.API/Basket.API.csproj", text).map(|package| {
            format!(
                "{} runs={} {} {}",
                package.name.unwrap_or_default(),
                package.runs,
                package.notable.join(","),
                package.uses.join(",")
            )
        });
        assert_eq!(found.as_deref().unwrap_or("-"), expected, "{text}");
    }

    #[test]
    fn projects_say_what_they_are() {
        check(
            "\u{feff}<Project Sdk=\"Microsoft.NET.Sdk.Web\"><ItemGroup><ProjectReference Include=\"..\\Defaults\\Defaults.csproj\" /></ItemGroup></Project>",
            "Basket.API runs=true asp.net src/Defaults",
        );
        check(
            "<Project Sdk=\"Microsoft.NET.Sdk\"/>",
            "Basket.API runs=false  ",
        );
        check(
            "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><OutputType>Exe</OutputType></PropertyGroup></Project>",
            "Basket.API runs=true  ",
        );
        check(
            "<Project><Sdk Name=\"Microsoft.NET.Sdk.Worker\" /></Project>",
            "Basket.API runs=true  ",
        );
        check("<Project Sdk=\"Aspire.AppHost.Sdk/13.1.0\"></Project>", "-");
        check(
            "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><IsAspireHost>true</IsAspireHost></PropertyGroup></Project>",
            "-",
        );
        check("<html></html>", "-");
        check("<Project", "-");
    }
}
