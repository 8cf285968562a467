use proptest::prelude::*;

use super::*;

fn secret(value: &str) -> Secret {
    Secret {
        name: "S".to_owned(),
        value: value.to_owned(),
    }
}

fn redacted(redactor: &Redactor, text: &[u8]) -> Vec<u8> {
    let once = redactor.redact(text).into_owned();
    assert_eq!(
        redactor.redact(&once),
        once,
        "twice gives something else than once"
    );
    once
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let redactor = Redactor::new(&[secret("s3cr&t pass/wörd\"x"), secret("hunter22")]);
    assert_eq!(
        String::from_utf8_lossy(&redacted(&redactor, text.as_bytes())),
        expected
    );
}

#[track_caller]
fn check_plain(text: &str) {
    check(text, text);
}

#[test]
fn declared_values_in_every_form() {
    check("a hunter22 b", "a [redacted:secret] b");
    check("xhunter22hunter22", "x[redacted:secret][redacted:secret]");
    check(r#"s3cr&t pass/wörd"x."#, "[redacted:secret].");
    check(r#"s3cr&t pass/wörd\"x."#, "[redacted:secret].");
    check(r#"s3cr\u0026t pass\/w\u00f6rd\\\"x."#, "[redacted:secret].");
    check("s3cr%26t%20pass%2Fw%C3%B6rd%22x.", "[redacted:secret].");
    check("s3cr%26t+pass%2fw%c3%b6rd%22x.", "[redacted:secret].");
    check("aHVudGVyMjI=.", "[redacted:secret].");
    // `user:hunter22` and `me:hunter22!` in base64.
    check("dXNlcjpodW50ZXIyMg==", "dXNlcjp[redacted:secret]g==");
    check("bWU6aHVudGVyMjIh", "bWU6[redacted:secret]Ih");
    check_plain("hunter21 hunter 22");
}

#[test]
fn authorization_headers() {
    check(
        "Authorization: Bearer abc",
        "Authorization: Bearer [redacted:authorization]",
    );
    check(
        "authorization: basic dTpw\r\nx",
        "authorization: basic [redacted:authorization]\r\nx",
    );
    check(
        r#"{"authorization":"Bearer abc","a":1}"#,
        r#"{"authorization":"Bearer [redacted:authorization]","a":1}"#,
    );
    check(
        r#"("Authorization", "Bearer a.b-c")"#,
        r#"("Authorization", "Bearer [redacted:authorization]")"#,
    );
    check(
        "sent Bearer 0123456789abcdef",
        "sent Bearer [redacted:authorization]",
    );
    check(
        "sent Basic dXNlcjpwYXNz",
        "sent Basic [redacted:authorization]",
    );
    check_plain("bearer authentication is required; basic auth and Basic authentication are not");
}

#[test]
fn json_web_tokens() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln_-x";
    check(jwt, "[redacted:jwt]");
    check(&format!("got {jwt}, then"), "got [redacted:jwt], then");
    check(
        &format!("/ws?x=1&jwt={jwt}&y=2"),
        "/ws?x=1&jwt=[redacted:jwt]&y=2",
    );
    check("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.", "[redacted:jwt]");
    check("eyJhbGciOiJub25lIn0.a1.b2.c3.d4 x", "[redacted:jwt] x");
    check_plain("eyJhbGciOiJub25lIn0 and eyJ.a.b");
}

#[test]
fn passwords_in_urls() {
    check(
        "postgres://me:pw@db:5432/x",
        "postgres://me:[redacted:url-password]@db:5432/x",
    );
    check(
        "redis://:pw@cache",
        "redis://:[redacted:url-password]@cache",
    );
    check(
        "amqp://a:p@ss:w@mq/v",
        "amqp://a:[redacted:url-password]@mq/v",
    );
    check_plain(
        "http://127.0.0.1:8000/a?mail=b@c.de and http://h:80?m=b@c and ssh://git@host:22/x",
    );
}

#[test]
fn values_behind_telling_names() {
    check("password=abc&x=1", "password=[redacted:password]&x=1");
    check(
        "DB_PASSWORD=abc\nX=1",
        "DB_PASSWORD=[redacted:password]\nX=1",
    );
    check(
        r#"{"password":"a\"b","x":1}"#,
        r#"{"password":"[redacted:password]","x":1}"#,
    );
    check(
        r#"{"password": 123456}"#,
        r#"{"password": [redacted:password]}"#,
    );
    check(
        r#"{\"clientSecret\":\"abc\"}"#,
        r#"{\"clientSecret\":\"[redacted:password]\"}"#,
    );
    check(
        "{'access_token': 'abc'}",
        "{'access_token': '[redacted:password]'}",
    );
    check("x-api-key: abc\r\n", "x-api-key: [redacted:password]\r\n");
    check("client_secret = abc", "client_secret = [redacted:password]");
    check(
        "run --db-password abc -v",
        "run --db-password [redacted:password] -v",
    );
    check("login(password=abc)", "login(password=[redacted:password])");
    check(
        r#"{"token":null,"refresh_token":""}"#,
        r#"{"token":null,"refresh_token":""}"#,
    );
    check_plain("invalid token: try again; the password must be changed. tokens=5 max_tokens: 7");
    check_plain("let token = auth::mint(user); if token == other {} use token::Kind;");
    check_plain("run --token <TOKEN> --password");
}

#[test]
fn private_keys() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7\n";
    let (begin, end) = (
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----END RSA PRIVATE KEY-----",
    );
    check(
        &format!("a\n{begin}\n{body}{end}\nb"),
        "a\n[redacted:private-key]\nb",
    );
    check(
        &format!("1 out {begin}\n2 out MIIEvQIBADANBgkq\n3 out {end}\n4 out b"),
        "1 out [redacted:private-key]\n4 out b",
    );
    check(
        &format!("a\n{begin}\n{body}abc="),
        "a\n[redacted:private-key]",
    );
    check(
        &format!("{begin}\n{body}it was cut.\nb"),
        "[redacted:private-key]\nit was cut.\nb",
    );
    check(
        &format!(r"{begin}\nMIIEvQIBADANBgkq\nAAAA\n{end}\n"),
        r"[redacted:private-key]\n",
    );
    check(
        &format!("expected {begin} but found nothing of that kind."),
        "expected [redacted:private-key] but found nothing of that kind.",
    );
    check_plain("-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n");
}

#[test]
fn names_and_text_are_left_alone() {
    check_plain(&format!(
        "{} {}",
        "a1".repeat(32),
        "67e55044-10b1-426f-9247-bb680e5fe0c8"
    ));
    check_plain("2026-11-23T18:44:55.123456789Z backend exited with code 3 (12 of 14 services)");
    check_plain("ModuleNotFound: agents/triage at main.rhai:7:11");
    let redactor = Redactor::new(&[secret("beef"), secret("1234")]);
    let names = format!(
        "{} 0123beef0123 67e51234-10b1-426f-9247-bb680e5fe0c8",
        "beef".repeat(16)
    );
    assert_eq!(redacted(&redactor, names.as_bytes()), names.as_bytes());
    assert_eq!(
        redacted(&redactor, b"beef, beefx"),
        b"[redacted:secret], [redacted:secret]x"
    );
}

#[test]
fn a_value_that_cannot_be_looked_for_is_named() {
    let secrets = [secret("abc"), secret("postgres"), secret("  hush\n")];
    let redactor = Redactor::sparing(&secrets, &["api", "postgres"]);
    assert_eq!(redactor.ignored().len(), 2);
    assert_eq!(
        redacted(&redactor, b"abc postgres hush"),
        b"abc postgres [redacted:secret]"
    );
}

#[test]
fn values_that_look_like_a_marker_do_not_grow() {
    let redactor = Redactor::new(&[secret("redacted"), secret("password"), secret("secret]x")]);
    for text in [
        "password://-----BEGIN PRIVATE KEY-----{",
        "://[redacted:secret]:c@",
        "redactedBearer 0123456789abcdef",
        "redacted",
        "password=abc",
        "my password",
        "[redacted:secret]x",
        "redacted:secret]x",
    ] {
        redacted(&redactor, text.as_bytes());
    }
}

#[test]
fn a_long_value_is_hidden_whole() {
    let value: String = (0..2000)
        .map(|n| char::from(b'a' + (n * 7 % 26) as u8))
        .collect();
    let redactor = Redactor::new(&[secret(&value)]);
    let clean = redacted(&redactor, format!("<{value}>").as_bytes());
    let clean = String::from_utf8(clean)
        .unwrap()
        .replace("[redacted:secret]", "");
    assert_eq!(clean, "<>");
}

/// Pieces that detectors react to, and pieces that they should not.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        "[ -~]{0,8}".prop_map(String::into_bytes),
        proptest::sample::select(vec![
            "Authorization: ",
            "Bearer ",
            "Basic ",
            "eyJ",
            "eyJhbGciOiJIUzI1NiJ9",
            ".",
            "://",
            "u:p@",
            "@",
            "password",
            "token",
            "=",
            ": ",
            "\"",
            "\\\"",
            "'",
            "\n",
            "\\n",
            " ",
            "[redacted:secret]",
            "[redacted:password]",
            "[redacted:",
            "]",
            "-----BEGIN PRIVATE KEY-----",
            "-----END PRIVATE KEY-----",
            "MIIEvQIBADANBgkq",
            "hunter22",
            "h%75nter",
            "x&/y",
            "x%26/y",
            "--password ",
            ")",
            "(",
            "aHVudGVyMjI=",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn redacting_twice_is_redacting_once(pieces in proptest::collection::vec(piece(), 0..12)) {
        let redactor = Redactor::new(&[secret("hunter22"), secret("x&/y")]);
        redacted(&redactor, &pieces.concat());
    }

    #[test]
    fn a_declared_value_never_comes_through(
        value in "[!-~]{4,24}",
        before in piece(),
        after in piece(),
    ) {
        prop_assume!(!"[redacted:authorization][redacted:url-password][redacted:private-key]\
            [redacted:password][redacted:secret][redacted:jwt]".contains(&value));
        let redactor = Redactor::new(&[secret(&value)]);
        let text = [&before[..], value.as_bytes(), &after[..]].concat();
        let clean = redactor.redact(&text);
        let survives = clean.windows(value.len()).any(|window| window == value.as_bytes());
        prop_assert!(!survives || inside_a_marker_or_name(&text, &value), "{clean:?}");
    }

    #[test]
    fn words_and_names_come_through(words in proptest::collection::vec("[a-z]{1,3}|[0-9a-f]{12}|[0-9a-f]{40}|[0-9a-f]{64}", 0..20)) {
        let text = words.join(" ");
        let redactor = Redactor::new(&[secret("beef"), secret("hunter22")]);
        let clean = redactor.redact(text.as_bytes());
        prop_assert_eq!(clean.as_ref(), text.as_bytes());
    }
}

/// A few values are parts of a marker or of a hash by construction of the test.
fn inside_a_marker_or_name(text: &[u8], value: &str) -> bool {
    MARKER.is_match(text)
        || value
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}
