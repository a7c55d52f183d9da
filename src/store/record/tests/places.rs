//! Where variants stand in their enums.

use crate::model::{AuditAction, PortalAction, Role, TokenType};

/// Variants are stored by their place: new ones go to the end of an enum.
#[test]
fn places_of_variants() {
    let actions: Vec<&str> = AuditAction::ALL.iter().map(|action| action.name()).collect();
    assert_eq!(
        actions.join(" "),
        "store_created service_started import_planned import_committed import_dropped import_undone \
         batch_assigned batch_unassigned resource_created resource_changed resource_deleted \
         portal_changed user_created user_changed user_deleted user_unblocked assigned unassigned \
         custody_changed token_changed token_deleted token_unblocked otp_checked resynced \
         confirmation authenticated sign_in sign_out code_mailed operator_created operator_changed \
         api_key_created api_key_revoked audit_verified confirmation_alert clock_accepted \
         chain_anchored proved environment_changed environment_unlike registration \
         token_replaced pin_set pin_removed restore_tried user_issue_opened user_issue_verified \
         user_issue_approved user_issue_closed \
         notifications_changed notification_tried notification_failed users_reminded emergency_code \
         identified challenge_issued clock_doubted diagnosed run_started run_ended device_journalled device_written device_programmed device_untouched device_in_doubt device_resolved device_code_wrong token_clock_set"
    );
    let portal: Vec<&str> = PortalAction::ALL.iter().map(|action| action.name()).collect();
    assert_eq!(
        portal.join(" "),
        "register_new_token register_existing_token reassign_token unassign_token synchronize_token \
         setup_pin remove_pin create_password change_password change_email change_phone \
         change_login change_name manage_environment"
    );
    for (place, action) in AuditAction::ALL.iter().enumerate() {
        assert_eq!(postcard::to_stdvec(action).expect("encodes"), [u8::try_from(place).expect("few")]);
    }
    assert_eq!(
        Role::ALL.map(Role::name),
        ["auditor", "helpdesk", "station", "admin", "verifier", "provisioner"]
    );
    let types: Vec<&str> = TokenType::ALL.iter().map(|t| t.name()).collect();
    assert_eq!(types, ["hardware", "software", "universal", "mail"]);
}
