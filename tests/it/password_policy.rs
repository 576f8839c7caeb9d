//! GET /password-policy, and the rules on many passwords.

use roster::domain::{Password, PasswordPolicy};
use roster::ids::Ids;
use serde_json::json;

use crate::harness::{House, new_user};

fn is_accepted(text: &str) -> bool {
    let Ok(password) = Password::parse(text) else { return false };
    PasswordPolicy::default().accept(password, &["ada", "Ada", "Lovelace"]).is_ok()
}

#[test]
fn the_10_000_most_common_passwords_are_all_refused() {
    let passwords: Vec<&str> = include_str!("../data/common-passwords.txt").lines().collect();
    assert_eq!(passwords.len(), 10_000);
    let accepted: Vec<_> = passwords.into_iter().filter(|password| is_accepted(password)).collect();
    assert!(accepted.is_empty(), "{accepted:?}");
}

#[test]
fn a_thousand_diceware_phrases_are_all_accepted() {
    let phrases: Vec<&str> = include_str!("../data/diceware-phrases.txt").lines().collect();
    assert_eq!(phrases.len(), 1000);
    let refused: Vec<_> = phrases.into_iter().filter(|phrase| !is_accepted(phrase)).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn a_thousand_random_strings_are_all_accepted() {
    let ids = Ids::seeded(11);
    let refused: Vec<String> = (0..1000)
        .map(|_| {
            let mut bytes = [0; 16];
            ids.fill(&mut bytes);
            bytes.iter().map(|byte| char::from(b'!' + byte % 94)).collect::<String>()
        })
        .filter(|text| !is_accepted(text))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test]
async fn a_form_can_show_the_rules() {
    let house = House::with(&[("ROSTER_PASSWORD_MIN_LENGTH", "15")]).await;
    let policy = house.anyone().get("/password-policy").await.expect(200).json();
    assert_eq!((&policy["minLength"], &policy["maxLength"], &policy["minScore"]), (&json!(15), &json!(256), &json!(3)));
    let codes: Vec<_> = policy["rules"].as_array().unwrap().iter().map(|rule| rule["code"].as_str().unwrap()).collect();
    assert_eq!(
        codes,
        ["too_short", "too_long", "invalid_characters", "all_digits", "too_common", "like_name", "too_guessable"]
    );
    let mut user = new_user("ada");
    user["password"] = json!("Lovelace1");
    assert_eq!(
        house.anyone().post("/users", &user).await.problem(422, "validation").errors(),
        ["#/password like_name", "#/password too_guessable", "#/password too_short"]
    );
}
