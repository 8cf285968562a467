use proptest::prelude::*;

use super::*;

const LANGUAGES: [Language; 11] = [
    Language::Python,
    Language::JavaScript,
    Language::Go,
    Language::Rust,
    Language::Java,
    Language::Kotlin,
    Language::Groovy,
    Language::Ruby,
    Language::Php,
    Language::CSharp,
    Language::Elixir,
];

/// Compares what is not space: texts as `<…>`, characters as `'`, comments as `#`, regular
/// expressions as `/`.
#[track_caller]
fn check(language: Language, text: &str, expected: &str) {
    let tokens = tokens(text, language);
    tile(text, &tokens);
    let shown: Vec<String> = tokens
        .iter()
        .filter(|token| token.kind != Kind::Space)
        .map(|token| match token.kind {
            Kind::Text if token.plain => format!("<{}>", &text[token.body.0..token.body.1]),
            Kind::Text => "<?>".to_owned(),
            Kind::Char => "'".to_owned(),
            Kind::Comment => "#".to_owned(),
            Kind::Regex => "/".to_owned(),
            _ => text[token.start..token.end].to_owned(),
        })
        .collect();
    assert_eq!(shown.join(" "), expected, "{text}");
}

fn tile(text: &str, tokens: &[Token]) {
    let mut at = 0;
    for token in tokens {
        assert_eq!(token.start, at, "{text:?}");
        assert!(token.end > at, "{text:?}");
        assert!(text.get(token.start..token.end).is_some(), "{text:?}");
        assert!(text.get(token.body.0..token.body.1).is_some(), "{text:?}");
        at = token.end;
    }
    assert_eq!(at, text.len(), "{text:?}");
}

#[test]
fn python() {
    use Language::Python as P;
    check(P, "a('x') # 'y'", "a ( <x> ) #");
    check(P, "\"\"\"a 'b' \"c\" \"\"\"; d", "<a 'b' \"c\" > ; d");
    check(P, "''''a'''", "<'a>");
    check(P, r"r'a\'b' c", r"<a\'b> c");
    check(P, r"'a\'b' c", r"<a\'b> c");
    check(P, "f'{x}' f'y' Rb'z' bar'w'", "<?> <y> <z> bar <w>");
    check(P, "'open\nnext", "<?> next");
    check(P, "'' \"\" x", "<> <> x");
}

#[test]
fn javascript() {
    use Language::JavaScript as J;
    check(J, "a(`x`) // `y`", "a ( <x> ) #");
    check(
        J,
        "`a${b({c: `d${e}`})}f` g",
        "<?> b ( { c : <?> e <?> } ) <?> g",
    );
    check(J, "/* ' */ x /* open", "# x #");
    check(J, "x = /['\"]/g; 'y'", "x = / ; <y>");
    check(J, "a / b / 'c'", "a / b / <c>");
    check(J, "(a) / 2 // 'x'", "( a ) / 2 #");
    check(J, "return /'/.test(x)", "return / . test ( x )");
    check(J, "split(/[/]'/)", "split ( / )");
    check(J, "<p>Don't</p>\n'x'", "< p > Don <?> <x>");
    check(J, "$http.get", "$http . get");
}

#[test]
fn go_java_kotlin_groovy() {
    check(Language::Go, "`a\n\\` '\"' \"b\\\"\"", "<a\n\\> ' <b\\\">");
    check(
        Language::Java,
        "\"\"\"\n \"x\" \"\"\" '\\'' y",
        "<\n \"x\" > ' y",
    );
    check(
        Language::Kotlin,
        "\"a${b(\"c\")}d\" \"$e\" \"f\"",
        "<?> b ( <c> ) <?> <?> <f>",
    );
    check(Language::Kotlin, "/* /* */ ' */ x", "# x");
    check(Language::Java, "/* /* */ x", "# x");
    check(
        Language::Groovy,
        "id 'x' version \"$y\"",
        "id <x> version <?>",
    );
}

#[test]
fn rust() {
    use Language::Rust as R;
    check(
        R,
        "fn f<'a>(x: &'a str) { 'b' }",
        "fn f < ' a > ( x : & ' a str ) { ' }",
    );
    check(
        R,
        r####"r#"a"b"# br"c" b"d" b'e' '\'' 'é'"####,
        r#"<a"b> <c> <d> ' ' '"#,
    );
    check(R, "'\\u{1F600}' x", "' x");
    check(R, "/* /* */ \" */ r#type", "# r # type");
    check(R, "\"a\nb\" c", "<a\nb> c");
}

#[test]
fn ruby_php_csharp_elixir() {
    use Language::{CSharp as C, Elixir as E, Php as H, Ruby as R};
    check(
        R,
        "get '/a', to: \"b#{c('d')}e\"",
        "get <?> c ( <d> ) <?>"
            .replacen("get", "get </a> , to :", 1)
            .as_str(),
    );
    check(
        R,
        "x = <<~SQL.strip\n  it's \"\n  SQL\ny 'z'",
        "x = < < ~ SQL . strip <?> y <z>",
    );
    check(R, "=begin\n'\n=end\nx %w[a' b'] y % z", "# x <?> y % z");
    check(R, "empty? 'x'", "empty? <x>");
    check(
        H,
        "it's <b>\n<?php $a->get('/x'); # '\n#[R('/y')] ?> it's",
        "# $a - > get ( </x> ) ; # # [ R ( </y> ) ] #",
    );
    check(
        H,
        "<?php <<<EOT\n it's\n EOT; 'x' \"$y\"",
        "# < < < EOT <?> ; <x> <?>",
    );
    check(
        C,
        "@\"a\"\"b\\\" $\"{c}\" $\"d\" \"\"\"e\"f\"\"\" 'g'",
        "<a\"\"b\\> <?> <d> <e\"f> '",
    );
    check(C, "#region it's\nx", "# x");
    check(
        E,
        "?\" ~s(a(b)c) \"d#{e}f\" \"\"\"\n\"g\"\n\"\"\"",
        "' <a(b)c> <?> e <?> <\n\"g\"\n>",
    );
}

#[test]
fn brackets_survive_what_does_not_fit() {
    let source = Source::new("a(b[c)d]{e", Language::JavaScript);
    assert_eq!(source.mate(1), Some(5));
    assert_eq!(source.mate(3), None);
    assert_eq!(source.parent(4), Some(3));
    assert_eq!(source.parent(9), Some(8));
}

proptest! {
    #[test]
    fn tokens_tile_any_text(text in any::<String>()) {
        for language in LANGUAGES {
            tile(&text, &tokens(&text, language));
        }
    }

    #[test]
    fn tokens_tile_texts_of_quotes(
        text in r#"(<\?php |"""|'''|["'`/\\#{}$@()<>?%~=*!é]|r#|<<~A|<<<A|A|\n|b| ){0,40}"#
    ) {
        for language in LANGUAGES {
            tile(&text, &tokens(&text, language));
            let source = Source::new(&text, language);
            for at in 0..source.len() {
                source.literal(at);
                source.chain(at);
                source.assigned(at);
                source.arguments(at);
            }
        }
    }
}
