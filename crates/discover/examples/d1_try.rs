//! t
#![allow(clippy::print_stdout)]
fn main() {
    let root = std::env::args().nth(1).expect("root");
    let start = std::time::Instant::now();
    let s = assay_discover::survey(std::path::Path::new(&root)).expect("ok");
    println!("{:?} files {} read {}", start.elapsed(), s.files, s.read);
    let c = &s.clues;
    for u in &c.units {
        println!(
            "U {:?} {} {}:{} img={:?} build={:?} ports={:?} dep={:?} health={:?} once={} prof={:?} ns={:?} cmd={:?}",
            u.platform,
            u.name,
            u.origin.file,
            u.origin.line,
            u.image,
            u.build.as_ref().map(|b| &b.dockerfile),
            u.ports
                .iter()
                .map(|p| (p.published, p.target))
                .collect::<Vec<_>>(),
            u.depends_on,
            u.health.as_ref().map(|h| &h.kind),
            u.one_shot,
            u.profiles,
            u.namespace,
            u.command
        );
        if std::env::var("ENVS").is_ok() {
            println!("   env {:?}", u.env);
        }
    }
    for f in &c.fronts {
        println!(
            "F {} {:?} {:?} {:?}",
            f.name,
            f.selector,
            f.ports
                .iter()
                .map(|p| (p.published, p.target))
                .collect::<Vec<_>>(),
            f.rules
        );
    }
    for d in &c.dockerfiles {
        println!(
            "D {} {:?} {:?} {:?} {:?}",
            d.origin.file,
            d.from,
            d.exposes,
            d.command,
            d.health.as_ref().map(|h| &h.kind)
        );
    }
    for p in &c.proxies {
        println!(
            "P {}:{} {:?} {} {:?}",
            p.origin.file, p.origin.line, p.listens, p.location, p.upstreams
        );
    }
    for r in &c.routes {
        println!(
            "R {}:{} {} {}",
            r.origin.file, r.origin.line, r.path, r.documented
        );
    }
    for r in &c.tests {
        println!("T {} {} {:?}", r.runner, r.folder, r.paths);
    }
    println!(
        "packages {} variables {}",
        c.packages.len(),
        c.variables.len()
    );
    for u in &c.unreadable {
        println!("X {}:{} {}", u.origin.file, u.origin.line, u.reason);
    }
}
