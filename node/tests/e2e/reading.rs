//! Who may read: without `--open-reading` nobody but bearers of tokens.

use crate::harness::network::Network;

#[test]
fn reading_needs_a_token() {
    let mut network = Network::found("reading");
    let scratch = network.scratch.join("reporter.token");
    let province = network.province("310000");
    let genesis = province.home.join("genesis.json");
    // Settings as they are without --open-reading. One node alone decides nothing, but answers.
    let (p2p, api) = (format!("127.0.0.1:{}", province.p2p), format!("127.0.0.1:{}", province.api));
    let init = province.hefu(&["init", "--province", "310000", "--yes", "--genesis"]).arg(genesis);
    init.args(["--p2p-listen", &p2p, "--api-listen", &api]).run().exits(0);
    province.start();
    province.node().wait_alive();

    let http = province.http();
    for path in ["/api/v1/node", "/api/v1/certificates", "/api/v1/events"] {
        let answer = http.get(path);
        assert_eq!((answer.status, &answer.json()["code"]), (401, &"api.unauthorised".into()));
        assert!(answer.kind.contains("problem+json"), "{}", answer.kind);
    }
    // Commands beside the node read; elsewhere they need a token of their own.
    assert_eq!(province.hefu(&["status"]).json()["region"], 310_000);
    let elsewhere = ["status", "--node", &format!("http://{api}")];
    province.hefu(&elsewhere).run().exits(6).fault("api.unauthorised");
    std::fs::write(&scratch, "of another node\n").expect("a file");
    let with_token = |province: &crate::harness::network::Province| {
        province.hefu(&elsewhere).arg("--token-file").arg(&scratch)
    };
    with_token(province).run().exits(6).fault("api.forbidden");

    std::fs::remove_file(&scratch).expect("the file");
    let made = province.hefu(&["token", "new", "reporter", "-O"]).arg(&scratch).json();
    assert!(made["token"].is_null(), "it stands in its file alone: {made}");
    province.hefu(&["token", "new", "reporter"]).run().exits(7).fault("cli.conflict");
    let listed = province.hefu(&["token", "list"]).json();
    let names: Vec<_> =
        listed["items"].as_array().expect("tokens").iter().map(|t| &t["name"]).collect();
    assert_eq!(names, ["local", "reporter"]);
    with_token(province).run().exits(6).fault("api.forbidden");
    province.node.take().expect("runs").stop();
    province.start();
    province.node().wait_alive();
    assert_eq!(with_token(province).json()["region"], 310_000);
    province.hefu(&["status"]).run().exits(0);
}
