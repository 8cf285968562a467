use proptest::prelude::*;

use super::*;

fn rules(files: &[(&str, &str)]) -> Vec<ProxyRule> {
    let parsed = files
        .iter()
        .filter_map(|(path, text)| parse(path, text)?.ok());
    let mut clues = Clues::default();
    finish(&parsed.collect::<Vec<_>>(), &mut clues);
    clues.proxies
}

fn check(text: &str, expected: &str) {
    check_files(&[("nginx.conf", text)], expected);
}

fn check_files(files: &[(&str, &str)], expected: &str) {
    let found = rules(files).into_iter().map(|rule| {
        let listens: Vec<_> = rule.listens.iter().map(u16::to_string).collect();
        let tls = if rule.tls { "s" } else { "" };
        format!(
            "{}{tls} {} {}",
            listens.join("+"),
            rule.location,
            rule.upstreams.join("+")
        )
    });
    assert_eq!(found.collect::<Vec<_>>().join("|"), expected, "{files:?}");
}

#[test]
fn servers_and_locations() {
    check("", "");
    check(
        "server { listen 80; location / { proxy_pass http://api:8000; } }",
        "80 / api:8000",
    );
    check(
        "http { server { location /a { proxy_pass http://api; } } }",
        "80 /a api:80",
    );
    check(
        "server { listen 443 ssl http2; listen [::]:443 ssl; location / { proxy_pass https://api/; } }",
        "443s / api:443",
    );
    check(
        "server { listen 127.0.0.1:8080; ssl on; location ~* ^/x { proxy_pass http://a:1; } }",
        "8080s ^/x a:1",
    );
    check(
        "server { location = /x { proxy_pass http://a:1/y?z; } }",
        "80 /x a:1",
    );
    check(
        "server { location /a { location /a/b { proxy_pass http://a:1; } } }",
        "80 /a/b a:1",
    );
    check(
        "server { location / { if ($x) { proxy_pass http://a:1; } } }",
        "80 / a:1",
    );
    check(
        "server { location / { grpc_pass grpc://g:50051; } location /p { fastcgi_pass php:9000; } }",
        "80 / g:50051|80 /p php:9000",
    );
    check(
        "server { location / { proxy_pass http://unix:/run/x.sock; } }",
        "",
    );
    check("server { location / { return 200; } }", "");
    check(
        "stream { server { listen 5432; proxy_pass db:5432; } }",
        "5432  db:5432",
    );
    check(
        "server { location / { set $up http://a:9; proxy_pass $up; } }",
        "80 / a:9",
    );
    check(
        "server { set $h api; location / { proxy_pass http://$h:9/$request_uri; } }",
        "80 / api:9",
    );
    check(
        "server { listen ${PORT}; location / { proxy_pass http://${API_HOST}:${API_PORT}/; } }",
        " / ${API_HOST}:${API_PORT}",
    );
    check(
        "server { location / { proxy_pass http://${API_HOST}; } }",
        "80 / ${API_HOST}:80",
    );
}

#[test]
fn upstreams() {
    let up = "upstream b { least_conn; server a1:1 weight=2; server a2; server unix:/x; }";
    check(
        &format!("http {{ {up} server {{ location / {{ proxy_pass http://b/x; }} }} }}"),
        "80 / a1:1+a2:80",
    );
    check(
        "server { location / { proxy_pass http://b; } } upstream b { server a:1; }",
        "80 / a:1",
    );
}

#[test]
fn includes_are_followed() {
    let main = (
        "n/nginx.conf",
        "http { upstream b { server a:1; } include /etc/nginx/conf.d/*.conf; include mime.types; }",
    );
    let site = (
        "n/conf.d/site.conf",
        "server { listen 81; include snippets/proxy.conf; location / { proxy_pass http://b; } }",
    );
    check_files(&[site, main], "81 / a:1");
    check_files(&[site], "81 / b:80");
    let upstream = ("n/conf.d/up.conf", "upstream b { server a:2; }");
    check_files(&[site, upstream], "81 / a:2");
    let one = (
        "a.conf",
        "include b.conf; server { location / { proxy_pass http://x:1; } }",
    );
    let two = ("b.conf", "include a.conf;");
    check_files(&[one, two], "80 / x:1");
    assert_eq!(
        rules(&[site, main])[0].origin,
        Origin {
            file: "n/conf.d/site.conf".to_owned(),
            line: 1
        }
    );
}

#[test]
fn syntax_of_nginx() {
    check(
        "# c { \nserver { # d\n  location \"/a b\" { proxy_pass 'http://x:1'; } }",
        "80 /a b x:1",
    );
    check(
        "server { location / { content_by_lua_block { local s = \"}\" -- }\n } proxy_pass http://x:1; } }",
        "80 / x:1",
    );
    check(
        "server { location ~ \\.php$ { fastcgi_pass p:9; } }",
        "80 \\.php$ p:9",
    );
    check(
        "server { location ~ ^/v[0-9]/ { proxy_pass http://x:1; } log_format j '{\"a\": 1}'; }",
        "80 ^/v[0-9]/ x:1",
    );
    check(
        "server { server_name a.b _; proxy_pass http://x:1; }",
        "80 / x:1",
    );
    assert_eq!(
        rules(&[(
            "n.conf",
            "server { server_name a _ b; location / { proxy_pass http://x:1; } }"
        )])[0]
            .names,
        ["a", "b"]
    );
}

#[test]
fn broken_files() {
    let check = |path: &str, text: &str, expected: Option<u64>| {
        let found = parse(path, text)
            .and_then(Result::err)
            .map(|error| error.origin.line);
        assert_eq!(found, expected, "{text}");
    };
    check("nginx.conf", "server {\n listen 80;\n", Some(3));
    check("nginx.conf", "}", Some(1));
    check("nginx.conf", "server { listen 80 }", Some(1));
    check("a.conf", "server { port = 80 }", None);
    check("a.conf", "server {\n proxy_pass 'x", Some(2));
    check("nginx.conf", &"a { ".repeat(1_000), Some(1));
}

#[test]
fn what_may_be_one() {
    let check = |path, text, expected| assert_eq!(may_be(path, text), expected, "{path}");
    check("x/nginx.conf", "server {}", true);
    check("default.conf.template", "server {}", true);
    check("sites-available/default", "server {}", true);
    check("redis.conf", "port 1", false);
    check("server.rs", "server {}", false);
}

#[test]
fn globs() {
    let check =
        |pattern, path, expected| assert_eq!(glob(pattern, path), expected, "{pattern} {path}");
    check("a/*.conf", "a/b.conf", true);
    check("a/*.conf", "a/b/c.conf", false);
    check("a*b*c", "axxbyyc", true);
    check("a*b*c", "axxbyy", false);
    check("a", "a", true);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(server |location / |proxy_pass http://x:1|include \\*|upstream b |[{};'\"$\\\\#\n]|\\PC){0,40}") {
        let _ = rules(&[("nginx.conf", &text), ("b.conf", &text)]);
    }
}
