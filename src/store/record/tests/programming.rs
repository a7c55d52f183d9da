//! Bytes of what programming runs keep.

use super::{AT, actor, pinned, sealed, serial, spec};
use crate::model::{
    Application, BatchId, BatchName, DeviceKey, Fingerprint, ProgrammingRun, RunId, RunItem, RunItemId,
    RunItemState, RunSecret, RunState, SeedVersion, TokenId,
};
use crate::oath::MovingFactor;

#[test]
fn bytes_of_programming_runs() {
    let run = ProgrammingRun {
        id: RunId(6),
        state: RunState::Ended { at: AT },
        profile: "p".into(),
        manufacturer: "m".into(),
        model: "n".into(),
        application: Application::Slot2,
        spec: spec(),
        seed_bytes: 20,
        issuer: "i".into(),
        touch: true,
        protect: false,
        batch: BatchId(5),
        batch_name: BatchName::parse("b").expect("a name"),
        count: 300,
        programmed: 2,
        next_item: 4,
        actor: actor(),
        created_at: AT,
        replaces: true,
        readers: vec!["R".into()],
    };
    pinned(
        &run,
        "020601f6a1d5edee660170016d016e020101081e011401690100050162ac0202040204026f70010101010301033a3a3100f6a1d5edee6601010152",
    );
    let item = RunItem {
        id: RunItemId { run: RunId(6), n: 3 },
        state: RunItemState::InDoubt,
        reason: "r".into(),
        detail: "d".into(),
        device: "87".into(),
        serial: serial(),
        reader: "R".into(),
        failures: 4,
        secret: Some(RunSecret {
            sealed: sealed(),
            fingerprint: Fingerprint([7; 16]),
            counter: MovingFactor(9),
        }),
        token: Some(TokenId(300)),
        version: SeedVersion(2),
        actor: actor(),
        created_at: AT,
        changed_at: AT,
    };
    pinned(
        &item,
        "010603040172016402383704382d376103383741015204010209090909090909090909090903010203070707070707070707070707070707070901ac02020204026f70010101010301033a3a3100f6a1d5edee66f6a1d5edee66",
    );
    pinned(
        &DeviceKey { sealed: sealed(), is_set: true, created_at: AT },
        "01020909090909090909090909090301020301f6a1d5edee66",
    );
}
