//! Pins the bytes of each record type: a change here needs a new version and a reader for the old one.

use super::*;
use crate::clock::UnixTime;
use crate::model::Session;
use crate::model::{
    Accent, Actor, ActorOrigin, ApiKeyId, Approval, AssignmentId, AuditAction, AuditEntry, AuditResult,
    BatchAssignmentId, BatchId, BatchName, BatchPart, BatchState, Challenge, ChallengePurpose, Challenges,
    Channel, Claim, ClockJump, Colour, Custody, DataKeyId, DisabledBy, Drift, EmailAddress, EmailChange,
    Environment, FactorMark, Factors, Fingerprint, ImportContent, ImportCounts, ImportId, ImportState,
    IssueReference, IssueState, JobId, JobKind, JobState, KeypadQuestion, LastDelivery, Login, LoginStage,
    Logo, LogoKind, MailId, MailKind, MailState, MailedLink, NewsKind, OperatorId, OtpSpec, Parties,
    PasswordHash, PhoneNumber, PinPlacement, PinRecord, PortalAction, ResourceAlias, ResourceId,
    ResourceName, RestoreDraft, Role, Scope, SealedSeed, SeedVersion, SelfService, SerialRange, SessionCode,
    SessionKind, StockPlace, StockWatch, Subject, SubscriptionId, TokenId, TokenKind, TokenOrigin,
    TokenSerial, TokenType, Traits, UserId, UserIssueId, Verdict, WebhookPostId, WebhookUrl, WrapMode,
};
use crate::oath::drift::{Observation, Sureness};
use crate::oath::{Digits, HashAlg, MovingFactor, OcraSuite, PeriodSecs, SessionPadding, YubicoPublicId};
use crate::store::audit::hex;

mod places;
mod programming;

const AT: UnixTime = UnixTime::from_millis(1_767_225_600_123);

fn login(text: &str) -> Login {
    Login::parse(text).expect("a login")
}

fn actor() -> Actor {
    Actor {
        origin: ActorOrigin::Operator { id: OperatorId(4), login: login("op") },
        role: Some(Role::Helpdesk),
        scope: Scope::Resources(vec![ResourceId(3)]),
        address: Some("::1".into()),
        request_id: None,
    }
}

fn sealed() -> SealedSeed {
    SealedSeed { data_key: DataKeyId(2), nonce: [9; 12], ciphertext: vec![1, 2, 3] }
}

fn spec() -> OtpSpec {
    OtpSpec::Totp {
        hash: HashAlg::Sha256,
        digits: Digits::EIGHT,
        period: PeriodSecs::DEFAULT,
        epoch_secs: -1,
    }
}

fn serial() -> TokenSerial {
    TokenSerial::parse("8-7a").expect("a serial")
}

fn state() -> TokenState {
    TokenState {
        floor: MovingFactor(300),
        drift: Some(Drift { seconds: -90, learned_at: AT }),
        used: true,
        last_used: Some(AT),
        budget: budget(),
        wide_failures: 1,
        wide_operator: Some(OperatorId(4)),
    }
}

fn budget() -> Budget {
    Budget { failures: 6, blocked_until: Some(AT), since: None }
}

#[track_caller]
fn pinned<R: Record + PartialEq + std::fmt::Debug>(record: &R, golden: &str) {
    let bytes = encode(record).expect("encodes");
    assert_eq!(hex(&bytes), golden, "{}", R::TABLE.name());
    assert_eq!(decode::<R>(&bytes).expect("decodes"), *record);
}

#[test]
fn bytes_of_tokens_and_seeds() {
    let token = Token {
        id: TokenId(300),
        serial: serial(),
        batch: BatchId(1),
        origin: TokenOrigin::Programmed,
        disabled: Some(DisabledBy::Issue),
        custody: Custody::HandedOut { at: AT },
        holder: Some(UserId(5)),
        follows_batch: false,
        pin: Some(PinRecord { placement: PinPlacement::After, digits: 4, phc: "p".into() }),
        manufacturer: "F".into(),
        model: "c".into(),
        note: String::new(),
        name: "n".into(),
        creator: Some(UserId(5)),
        replaces: Some(TokenId(7)),
        replaced_by: None,
        valid_from: None,
        valid_until: Some(AT),
        created_at: AT,
    };
    pinned(
        &token,
        "01ac0204382d3761033837410101010101f6a1d5edee6601050001010401700146016300016e01050107000001f6a1d5edee66f6a1d5edee66",
    );
    let key = SeedRow {
        token: TokenId(300),
        version: SeedVersion(1),
        import: None,
        spec: OtpSpec::YubicoOtp { public_id: YubicoPublicId::parse("vvcc").expect("modhex") },
        sealed: sealed(),
        fingerprint: Fingerprint([5; 16]),
        initial: TokenState::fresh(MovingFactor(300)),
    };
    pinned(
        &key,
        "01ac0201000402ff00020909090909090909090909090301020305050505050505050505050505050505ac020000000000000000",
    );
    let app = SeedRow { spec: OtpSpec::Motp, ..key };
    pinned(
        &app,
        "01ac02010005020909090909090909090909090301020305050505050505050505050505050505ac020000000000000000",
    );
    let suite = OcraSuite::parse("OCRA-1:HOTP-SHA1-6:Q-S").expect("a suite");
    let keypad = SeedRow { spec: OtpSpec::ocra(suite, SessionPadding::Right), ..app };
    pinned(
        &keypad,
        "01ac02010006164f4352412d313a484f54502d534841312d363a512d5301020909090909090909090909090301020305050505050505050505050505050505ac020000000000000000",
    );
    let draft = TokenDraft {
        user: UserId(5),
        resource: ResourceId(3),
        replaces: Some(TokenId(7)),
        token_type: TokenType::Software,
        serial: serial(),
        name: "n".into(),
        manufacturer: "F".into(),
        model: "c".into(),
        spec: spec(),
        counter: MovingFactor(300),
        sealed: sealed(),
        fingerprint: Fingerprint([5; 16]),
        mailed_until: Some(AT),
        failures: 2,
        created_at: AT,
    };
    pinned(
        &draft,
        "01050301070104382d376103383741016e014601630101081e01ac0202090909090909090909090909030102030505050505050505050505050505050501f6a1d5edee6602f6a1d5edee66",
    );
    let row = SeedRow {
        token: TokenId(300),
        version: SeedVersion(2),
        import: Some(ImportId(7)),
        spec: spec(),
        sealed: sealed(),
        fingerprint: Fingerprint([5; 16]),
        initial: TokenState::fresh(MovingFactor(1)),
    };
    pinned(
        &row,
        "01ac020201070101081e01020909090909090909090909090301020305050505050505050505050505050505010000000000000000",
    );
    pinned(&state(), "01ac0201b301f6a1d5edee660101f6a1d5edee660601f6a1d5edee6600010104");
    let tombstone = Tombstone {
        serial: serial(),
        fingerprint: Fingerprint([5; 16]),
        spec: spec(),
        floor: MovingFactor(300),
        deleted_at: AT,
    };
    pinned(&tombstone, "0104382d376103383741050505050505050505050505050505050101081e01ac02f6a1d5edee66");
}

#[test]
fn bytes_of_batches_and_imports() {
    let name = BatchName::parse("B").expect("a name");
    let batch = Batch {
        id: BatchId(1),
        name: name.clone(),
        state: BatchState::Live,
        import: Some(ImportId(7)),
        tokens: 1000,
        touched: false,
        provenance: "f".into(),
        created_at: AT,
    };
    pinned(&batch, "01010142010107e807000166f6a1d5edee66");
    let range = SerialRange::new(&serial(), &serial()).expect("a range");
    let assignment = BatchAssignment {
        id: BatchAssignmentId(6),
        batch: BatchId(1),
        resource: ResourceId(3),
        part: BatchPart::Serials(vec![range]),
        created_at: AT,
    };
    pinned(&assignment, "0106010301010338374103383741f6a1d5edee66");
    let import = Import {
        id: ImportId(7),
        state: ImportState::Committed { at: AT },
        format: "csv".into(),
        envelope: "none".into(),
        file_name: "s".into(),
        batch: BatchId(1),
        batch_name: name,
        job: JobId(8),
        counts: ImportCounts { new: 1, identical: 2, conflicts: 3, rejected: 4 },
        contents: vec![ImportContent { kind: TokenKind::Hotp, model: "m".into(), tokens: 10 }],
        replace: true,
        only_good: false,
        allowed: vec!["no_mac".into()],
        notes: vec![("n".into(), "t".into())],
        generation: 9,
        actor: actor(),
        created_at: AT,
        changed_at: AT,
    };
    pinned(
        &import,
        "010702f6a1d5edee6603637376046e6f6e65017301014208010203040101016d0a010001066e6f5f6d616301016e0174090204026f70010101010301033a3a3100f6a1d5edee66f6a1d5edee66",
    );
    let line = ImportLine {
        line: 14,
        column: 3,
        serial: "8".into(),
        verdict: Verdict::Conflict,
        code: "c".into(),
        detail: "d".into(),
    };
    pinned(&line, "010e0301380201630164");
    let job = Job {
        id: JobId(8),
        kind: JobKind::Import(ImportId(7)),
        state: JobState::Failed { code: "c".into(), detail: "d".into() },
        done: 1,
        total: 2,
        actor: actor(),
        node: 1,
        lease_until: AT,
        created_at: AT,
        ended_at: None,
    };
    pinned(&job, "01080007030163016401020204026f70010101010301033a3a310001f6a1d5edee66f6a1d5edee6600");
}

#[test]
fn bytes_of_people_and_resources() {
    let mut portal = SelfService::new(ResourceAlias::parse("vpn").expect("an alias"));
    portal.actions = vec![PortalAction::SetupPin];
    portal.token_types = vec![TokenType::Mail];
    let resource = Resource {
        id: ResourceId(3),
        name: ResourceName::parse("VPN").expect("a name"),
        failure_limit: 5,
        portal: Some(portal),
        created_at: AT,
        keypad_question: KeypadQuestion::DEFAULT,
    };
    pinned(&resource, "02030356504e05010376706e010105010380a305e8070004000006004618f6a1d5edee660108");
    let before = bytes_of("01030356504e05010376706e010105010380a305e8070004000006004618f6a1d5edee66");
    assert_eq!(decode::<Resource>(&before).expect("reads"), resource);
    let user = User {
        id: UserId(5),
        login: login("anna"),
        old_logins: vec![login("a")],
        email: Some(EmailAddress::parse("a@example.org").expect("an address")),
        phone: Some(PhoneNumber::parse("+4930123456").expect("a number")),
        first_name: "A".into(),
        last_name: "B".into(),
        password: Some(PasswordHash("p".into())),
        language: None,
        created_at: AT,
    };
    pinned(
        &user,
        "010504616e6e61010161010d61406578616d706c652e6f7267010b2b343933303132333435360141014201017000f6a1d5edee66",
    );
    let assignment = Assignment {
        id: AssignmentId(2),
        resource: ResourceId(3),
        parties: Parties::TokenWithUser(UserId(5), TokenId(300)),
        created_at: AT,
    };
    pinned(&assignment, "0102030305ac02f6a1d5edee66");
    let operator = Operator {
        id: OperatorId(4),
        login: login("op"),
        password: PasswordHash("p".into()),
        role: Role::Admin,
        scope: Scope::All,
        enabled: true,
        created_at: AT,
    };
    pinned(&operator, "0104026f700170030001f6a1d5edee66");
    let key = ApiKey {
        id: ApiKeyId(1),
        name: "k".into(),
        hash: [8; 32],
        role: Role::Verifier,
        scope: Scope::Resources(vec![ResourceId(3)]),
        created_at: AT,
        revoked_at: Some(AT),
    };
    pinned(
        &key,
        "0101016b080808080808080808080808080808080808080808080808080808080808080804010103f6a1d5edee6601f6a1d5edee66",
    );
}

#[test]
fn bytes_of_clocks_and_challenges() {
    let observation = |sure| Observation { at: AT, offset_secs: -90, sure };
    let observations = vec![observation(Sureness::Step), observation(Sureness::AtLeast)];
    pinned(
        &ClockHistory { period: PeriodSecs::DEFAULT, observations },
        "011e02f6a1d5edee66b30100f6a1d5edee66b30101",
    );
    let jump = ClockJump {
        token: TokenId(300),
        version: SeedVersion(2),
        at: AT,
        seconds: -90,
        before: Some(Drift { seconds: 7, learned_at: AT }),
        learned: true,
    };
    pinned(
        &ClockJumps { jumps: vec![jump], set: Some((AT, 3)) },
        "0101ac0202f6a1d5edee66b301010ef6a1d5edee660101f6a1d5edee6606",
    );
    let mailing = TokenMailing { counter: MovingFactor(300), expires_at: AT };
    pinned(&mailing, "01ac02f6a1d5edee66");
    let challenge = Challenge {
        purpose: ChallengePurpose::SignIn,
        token: Some(TokenId(300)),
        text: "8".into(),
        issued_at: AT,
        spent: true,
        session: None,
    };
    let before = bytes_of("01010401ac020138f6a1d5edee6601");
    assert_eq!(decode::<Challenges>(&before).expect("reads").0, std::slice::from_ref(&challenge));
    pinned(&Challenges(vec![challenge.clone()]), "02010401ac020138f6a1d5edee660100");
    let in_session = Challenge { session: Some(sealed()), ..challenge };
    pinned(
        &Challenges(vec![in_session]),
        "02010401ac020138f6a1d5edee6601010209090909090909090909090903010203",
    );
    pinned(&sealed(), "010209090909090909090909090903010203");
}

#[test]
fn bytes_of_sessions_mails_and_budgets() {
    pinned(&budget(), "010601f6a1d5edee6600");
    let stage = LoginStage::Full { user: UserId(5), proved_at: AT, proved_by: Some(TokenId(4)) };
    let session = Session {
        kind: SessionKind::Portal { resource: ResourceId(3), stage },
        created_at: AT,
        seen_at: AT,
        address: "::1".into(),
        email_change: Some(EmailChange {
            to: EmailAddress::parse("a@example.org").expect("an address"),
            code: SessionCode { hash: [1; 32], expires_at: AT },
            proved_by: Some(TokenId(4)),
        }),
        proof_code: Some(SessionCode { hash: [2; 32], expires_at: AT }),
        environment: Some(7),
        restore: Some(Box::new(RestoreDraft {
            lost: Factors { token: true, password: false, email: false },
            proved: Factors { token: None, password: Some(FactorMark([3; 32])), email: None },
            code: Some(SessionCode { hash: [1; 32], expires_at: AT }),
            new_password: Some(PasswordHash("p".into())),
            new_email: None,
            reference: Some(IssueReference::from_random(300)),
        })),
        emergency: true,
    };
    pinned(
        &session,
        "0201030205f6a1d5edee660104f6a1d5edee66f6a1d5edee66033a3a31010d61406578616d706c652e6f72670101010101010101010101010101010101010101010101010101010101010101f6a1d5edee660104010202020202020202020202020202020202020202020202020202020202020202f6a1d5edee660107010100000001030303030303030303030303030303030303030303030303030303030303030300010101010101010101010101010101010101010101010101010101010101010101f6a1d5edee660101700001ac0201",
    );
    let environment = Environment {
        number: 1,
        traits: Traits {
            browser: "F".into(),
            system: "L".into(),
            language: "de".into(),
            time_zone: String::new(),
            screen: String::new(),
            network: "n".into(),
        },
        name: "h".into(),
        trusted: true,
        first_seen: AT,
        last_seen: AT,
    };
    let environments = Environments {
        known: vec![environment],
        numbers: 1,
        next_is_welcome: false,
        welcomed_by: Some(UserIssueId(7)),
    };
    pinned(&environments, "0201010146014c0264650000016e016801f6a1d5edee66f6a1d5edee6601000107");
    let emergency = EmergencyCode {
        phc: PasswordHash("p".into()),
        once: true,
        issued_at: AT,
        expires_at: AT,
        issued_by: "o".into(),
    };
    pinned(&emergency, "01017001f6a1d5edee66f6a1d5edee66016f");
    let code = MailedCode { hash: [1; 32], expires_at: AT, session: [2; 32] };
    pinned(
        &code,
        "010101010101010101010101010101010101010101010101010101010101010101f6a1d5edee660202020202020202020202020202020202020202020202020202020202020202",
    );
    let mail = OutboxMail {
        id: MailId(1),
        kind: MailKind::Notice,
        to: EmailAddress::parse("a@example.org").expect("an address"),
        subject: "s".into(),
        body: sealed(),
        state: MailState::Waiting { tries: 1, next_try: AT },
        created_at: AT,
        expires_at: AT,
    };
    pinned(
        &mail,
        "0101010d61406578616d706c652e6f7267017302090909090909090909090909030102030001f6a1d5edee66f6a1d5edee66f6a1d5edee66",
    );
}

#[test]
fn bytes_of_user_issues() {
    let issue = UserIssue {
        id: UserIssueId(7),
        reference: IssueReference::from_random(300),
        user: UserId(5),
        resource: ResourceId(3),
        claims: Factors { token: Claim::Lost, password: Claim::Proved, email: Claim::Absent },
        token: Some(TokenId(4)),
        new_password: Some(PasswordHash("p".into())),
        new_email: None,
        opened_at: AT,
        address: "::1".into(),
        browser: "F".into(),
        state: IssueState::Approved { at: AT },
        approvals: vec![Approval { operator: Some(OperatorId(4)), by: "o".into(), at: AT, note: "n".into() }],
        effect_at: Some(AT),
        proves_email: Some(MailedLink { hash: [1; 32], expires_at: AT }),
        marks: Factors { token: None, password: Some(FactorMark([3; 32])), email: None },
        displaced: 2,
    };
    pinned(
        &issue,
        "0207ac020503010200010401017000f6a1d5edee66033a3a31014601f6a1d5edee66010104016ff6a1d5edee66016e01f6a1d5edee66010101010101010101010101010101010101010101010101010101010101010101f6a1d5edee66000103030303030303030303030303030303030303030303030303030303030303030002",
    );
}

#[test]
fn bytes_of_notifications() {
    let subscription = Subscription {
        id: SubscriptionId(1),
        operator: OperatorId(4),
        kind: NewsKind::LowStock,
        channel: Channel::Webhook {
            url: WebhookUrl::parse("https://a.example/b").expect("usable"),
            secret: sealed(),
        },
        stock: Some(StockWatch { place: StockPlace::Batch(BatchId(2)), fewer_than: 20 }),
        on_since: Some(AT),
        last: Some(LastDelivery { at: AT, problem: Some("p".into()), given_up: true }),
        hour: (AT, 3),
        created_at: AT,
    };
    pinned(
        &subscription,
        "01010404011368747470733a2f2f612e6578616d706c652f6202090909090909090909090909030102030101021401f6a1d5edee6601f6a1d5edee6601017001f6a1d5edee6603f6a1d5edee66",
    );
    let post = WebhookPost {
        id: WebhookPostId(1),
        subscription: SubscriptionId(2),
        body: "{}".into(),
        state: MailState::Sent { at: AT },
        created_at: AT,
        expires_at: AT,
    };
    pinned(&post, "010102027b7d01f6a1d5edee66f6a1d5edee66f6a1d5edee66");
    let look = Look {
        shown_name: Some("n".into()),
        accent: Accent::new(Colour([0x0b, 0x5f, 0x70])).ok(),
        logo: Some(Logo { kind: LogoKind::Png, bytes: vec![1] }),
        changed_at: Some(AT),
    };
    pinned(&look, "0101016e010b5f700100010101f6a1d5edee66");
}

#[test]
fn bytes_of_the_log_and_of_keys() {
    let meta =
        StoreMeta { store_id: [3; 16], created_at: AT, demo: false, simulated: true, epoch: 1, node: 2 };
    pinned(&meta, "0103030303030303030303030303030303f6a1d5edee6600010102");
    let mode = WrapMode::Passphrase { salt: [4; 16], memory_kib: 65536, passes: 3, lanes: 1 };
    pinned(
        &WrappedKey { mode, nonce: [9; 12], ciphertext: vec![1] },
        "01010404040404040404040404040404040480800403010909090909090909090909090101",
    );
    let record = AuditRecord {
        chain: 2,
        n: 300,
        previous: [6; 32],
        entry: AuditEntry {
            at: AT,
            actor: actor(),
            action: AuditAction::OtpChecked,
            subjects: vec![Subject::Token(TokenId(300)), Subject::Operator(OperatorId(4))],
            result: AuditResult::Refused,
            detail: vec![("k".into(), "v".into())],
        },
    };
    pinned(
        &record,
        "0102ac020606060606060606060606060606060606060606060606060606060606060606f6a1d5edee660204026f70010101010301033a3a3100160200ac0205040101016b0176",
    );
    pinned(
        &AuditHead { chain: 2, n: 300, hash: [6; 32], at: AT },
        "0102ac020606060606060606060606060606060606060606060606060606060606060606f6a1d5edee66",
    );
}

#[test]
fn refuses_newer_cut_and_longer_records() {
    let bytes = encode(&budget()).expect("encodes");
    let mut newer = bytes.clone();
    newer[0] = 2;
    assert!(matches!(
        decode::<Budget>(&newer),
        Err(StoreError::TooNew { table: "budgets", found: 2, known: 1 })
    ));
    assert!(matches!(decode::<Budget>(&bytes[..bytes.len() - 1]), Err(StoreError::Record { .. })));
    assert!(matches!(decode::<Budget>(&[]), Err(StoreError::Record { .. })));
    let mut longer = bytes;
    longer.push(0);
    assert!(matches!(decode::<Budget>(&longer), Err(StoreError::Record { .. })));
}

/// What was written before fields were added is read with what they are by default.
#[test]
fn reads_records_of_before() {
    let issue = bytes_of(
        "0107ac020503010200010401017000f6a1d5edee66033a3a31014601f6a1d5edee66010104016ff6a1d5edee66016e01f6a1d5edee66010101010101010101010101010101010101010101010101010101010101010101f6a1d5edee66",
    );
    let issue = decode::<UserIssue>(&issue).expect("reads");
    assert_eq!((issue.id, issue.marks), (UserIssueId(7), Factors::default()));
    assert_eq!(issue.proves_email, Some(MailedLink { hash: [1; 32], expires_at: AT }));
    let session = bytes_of(
        "0101030205f6a1d5edee660104f6a1d5edee66f6a1d5edee66033a3a31010d61406578616d706c652e6f72670101010101010101010101010101010101010101010101010101010101010101f6a1d5edee660104010202020202020202020202020202020202020202020202020202020202020202f6a1d5edee66010701010000000100010101010101010101010101010101010101010101010101010101010101010101f6a1d5edee660101700001ac0201",
    );
    let session = decode::<Session>(&session).expect("reads");
    assert_eq!((session.environment, session.restore, session.emergency), (Some(7), None, true));
}

#[test]
fn reads_environments_of_before() {
    let before = bytes_of("0101010146014c0264650000016e016801f6a1d5edee66f6a1d5edee660100");
    let environments = decode::<Environments>(&before).expect("reads");
    assert_eq!((environments.numbers, environments.welcomed_by), (1, None));
}

fn bytes_of(hex: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex")
}
