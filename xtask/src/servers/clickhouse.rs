//! ClickHouse, with its native and its HTTP port.

use rustix::process::Signal;

use super::daemon::{self, Daemon, Place, Running, answers_http};
use super::{CLICKHOUSE_HTTP_URL, CLICKHOUSE_URL, ports};

const USER: &str = "assay";

const PASSWORD: &str = "correct-horse";

/// Bytes of the cache that the server insists on having: the least that it starts with is fine.
const MARK_CACHE_BYTES: u64 = 1 << 20;

pub(crate) fn start(place: &Place) -> Result<Running, String> {
    let (native, http) = (ports::free()?, ports::free()?);
    let file = place.folder.join("config.xml");
    daemon::write(&file, &settings(place, native, http))?;
    daemon::write(&place.folder.join("users.xml"), &users())?;
    let arguments = [format!("--config-file={}", file.display())];
    let program = daemon::program("clickhouse-server")?;
    let mut daemon = Daemon::spawn(&program, &arguments, place, None, Signal::TERM)?;
    daemon.wait_until(&place.stop, || {
        answers_http(
            http,
            &format!("/?user={USER}&password={PASSWORD}&query=SELECT%201"),
        )
    })?;
    let url = |scheme: &str, port: u16| format!("{scheme}://{USER}:{PASSWORD}@127.0.0.1:{port}");
    Ok(Running::new(
        daemon,
        vec![
            (CLICKHOUSE_URL, url("clickhouse", native)),
            (CLICKHOUSE_HTTP_URL, url("http", http)),
        ],
    ))
}

fn settings(place: &Place, native: u16, http: u16) -> String {
    let folder = place.folder.display();
    format!(
        "<?xml version=\"1.0\"?>
<yandex>
    <logger>
        <level>warning</level>
        <log>{folder}/server.log</log>
        <errorlog>{folder}/output.log</errorlog>
        <size>10M</size>
        <count>1</count>
    </logger>
    <listen_host>127.0.0.1</listen_host>
    <tcp_port>{native}</tcp_port>
    <http_port>{http}</http_port>
    <path>{folder}/data/</path>
    <tmp_path>{folder}/tmp/</tmp_path>
    <user_files_path>{folder}/files/</user_files_path>
    <format_schema_path>{folder}/schemas/</format_schema_path>
    <users_config>{folder}/users.xml</users_config>
    <default_profile>default</default_profile>
    <default_database>default</default_database>
    <mark_cache_size>{MARK_CACHE_BYTES}</mark_cache_size>
</yandex>
"
    )
}

fn users() -> String {
    format!(
        "<?xml version=\"1.0\"?>
<yandex>
    <profiles><default/></profiles>
    <quotas><default/></quotas>
    <users>
        <{USER}>
            <password>{PASSWORD}</password>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
        </{USER}>
    </users>
</yandex>
"
    )
}
