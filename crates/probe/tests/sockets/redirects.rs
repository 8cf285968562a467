//! Redirects that are followed, and those that must not be.

use assay_model::{Health, HttpProbe, ProbeKind, Status, StatusRange};
use tokio::io::AsyncWriteExt;

use crate::support::{expect, probe, read_request, record, response, serve};

/// A server where `/N` redirects to `/N+1` until `/4`, and `/a` and `/b` to each other.
async fn chain() -> String {
    serve(|mut stream| async move {
        let request = read_request(&mut stream).await;
        let path = request.split(' ').nth(1).unwrap_or_default();
        let to = |place: &str| response("302 Found", &format!("location: {place}\r\n"), "");
        let answer = match path {
            "/a" => to("/b"),
            "/b" => to("/a"),
            "/0" => to("/1"),
            "/1" => to("2"),
            "/2" => to("/3?x=1"),
            "/3?x=1" => to("/4"),
            "/odd" => to("ftp://host/"),
            "/broken" => to("http://["),
            _ => response("200 OK", "x-assay-revision: abc\r\n", "here"),
        };
        let _gone = stream.write_all(answer.as_bytes()).await;
    })
    .await
}

async fn follow(url: &str, path: &str, redirects_max: u32) -> (Health, String) {
    let mut http = HttpProbe::get(path);
    http.redirects_max = redirects_max;
    http.request_headers = [("X-Api-Key".to_owned(), "hush".to_owned())].into();
    probe(url, ProbeKind::Http(http), 5000).await
}

async fn check(path: &str, redirects_max: u32, status: Status, detail: &str) {
    let address = chain().await;
    let (health, exchange) = follow(&format!("http://{address}"), path, redirects_max).await;
    assert_eq!(health.status, status, "{health:?}\n{exchange}");
    expect(&health, status, detail);
}

#[tokio::test]
async fn redirects_are_followed_so_far() {
    use Status::{Healthy, Unavailable};
    let way = "by way of /0 -> /1 -> /2 -> /3?x=1 -> /4";
    check("/0", 5, Healthy, way).await;
    check("/0", 4, Healthy, way).await;
    let detail = "more than 3 redirects: /0 -> /1 -> /2 -> /3?x=1";
    check("/0", 3, Unavailable, detail).await;
    let detail = "redirects in a circle: /a -> /b -> /a";
    check("/a", 9, Unavailable, detail).await;
    check("/odd", 9, Unavailable, "redirected to ftp://host/").await;
    check("/broken", 9, Unavailable, "which is not a URL").await;
    check("/4", 9, Healthy, "answered 200 in").await;
}

#[tokio::test]
async fn an_expected_redirect_is_the_answer() {
    let address = chain().await;
    let mut http = HttpProbe::get("/a");
    http.redirects_max = 5;
    http.expect = vec![StatusRange::exactly(302)];
    let (health, _) = probe(&format!("http://{address}"), ProbeKind::Http(http), 5000).await;
    expect(&health, Status::Healthy, "answered 302 in");
}

#[tokio::test]
async fn another_server_gets_no_credentials() {
    let (there, requests) = record(response("200 OK", "", "")).await;
    let location = format!("location: http://{there}/x\r\n");
    let (here, first) = record(response("302 Found", &location, "")).await;
    let (health, _) = follow(&format!("http://me:pw@{here}"), "/", 3).await;
    expect(&health, Status::Healthy, &format!("/ -> http://{there}/x"));
    let first = first.lock().unwrap().join("");
    assert!(first.contains("hush") && first.contains("authorization: Basic"));
    let second = requests.lock().unwrap().join("");
    assert!(second.contains("GET /x HTTP/1.1"), "{second}");
    assert!(
        !second.contains("hush") && !second.contains("authorization"),
        "{second}"
    );
}
