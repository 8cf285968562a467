//! ClickHouse, by both of its protocols.

use assay_model::Status;

use crate::asked::{Asked, SHORT_MS, WRONG_PASSWORD, native, over_http};

#[tokio::test]
async fn real_clickhouse_answers() {
    for (asked, scheme) in [(native as fn() -> Asked, "clickhouse"), (over_http, "http")] {
        let health = asked().check(Status::Healthy, "answered `1` in ").await;
        assert!(health.detail.contains("(ClickHouse "), "{}", health.detail);
        assert!(health.target.starts_with(&format!("{scheme}://127.0.0.1:")));
        asked().expecting("1").check(Status::Healthy, "").await;
        let wrong = "expected `2`, got `1`";
        asked()
            .expecting("2")
            .check(Status::Unavailable, wrong)
            .await;
        let text = asked().query("select 'a\\tb', 2").expecting("a\tb");
        text.check(Status::Healthy, "").await;
        let nothing = asked().query("select 1 limit 0");
        nothing.check(Status::Healthy, "answered no rows").await;
        let many = asked()
            .query("select -number from numbers(100000)")
            .expecting("0");
        many.check(Status::Healthy, "answered `0`").await;
        let null = asked()
            .query("select cast(null as Nullable(Int32))")
            .expecting("NULL");
        null.check(Status::Healthy, "").await;
        let database = asked()
            .parameter("database", "system")
            .query("select currentDatabase()");
        database
            .expecting("system")
            .check(Status::Healthy, "")
            .await;
    }
    let path = native().path("/system").query("select currentDatabase()");
    path.expecting("system").check(Status::Healthy, "").await;
}

#[tokio::test]
async fn real_clickhouse_refuses() {
    use Status::{AuthFailed, Unavailable};
    for asked in [native as fn() -> Asked, over_http] {
        let wrong = asked().password(Some(WRONG_PASSWORD));
        wrong.check(AuthFailed, "code ").await;
        asked().user("nobody").check(AuthFailed, "code ").await;
        let elsewhere = asked().parameter("database", "elsewhere");
        elsewhere.check(Unavailable, "code 81").await;
        let absent = asked().query("select * from absent");
        absent.check(Unavailable, "code 60").await;
        let writes = asked().query("create table wrote (a UInt8) engine = Memory");
        writes.check(Unavailable, "code 164").await;
        let late = asked().query("select count() from numbers(1) where throwIf(number = 0)");
        late.check(Unavailable, "code ").await;
    }
}

#[tokio::test]
async fn real_clickhouse_is_slow() {
    for asked in [native as fn() -> Asked, over_http] {
        let slow = asked().query("select sleep(0.2)").degraded_ms(100);
        let health = slow.check(Status::Degraded, "slower than 100 ms").await;
        assert!(health.latency_ms >= 200, "{}", health.latency_ms);
        let late = asked().query("select sleep(3)").timeout_ms(SHORT_MS);
        late.check(Status::Unreachable, "within 400 ms").await;
    }
}
