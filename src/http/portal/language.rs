//! The choice of language at the foot of each page.

use axum::http::{Method, Uri, header};
use axum::response::Response;
use serde::Deserialize;

use super::place::Place;
use crate::http::error::ApiError;
use crate::http::extract::PageForm;
use crate::http::language;
use crate::model::Language;
use crate::service::PortalState;

/// Forms whose answers stand at an address of their own that nobody can open; the page they are on is above.
const FORMS_ONLY: [&str; 3] = ["/code", "/trust", "/drop"];
/// Longer addresses are not come back to.
const MOST_CHARS: usize = 200;

/// The page of a request, as the choice of a language comes back to it.
pub(super) fn here(method: &Method, uri: &Uri) -> String {
    if method == Method::GET {
        return uri.path_and_query().map(|address| address.as_str().to_owned()).unwrap_or_default();
    }
    let path = uri.path();
    FORMS_ONLY.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path).to_owned()
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    language: String,
    #[serde(default)]
    here: String,
}

/// Keeps the choice in the browser, and for who is signed in on their record: mails follow it.
pub(super) async fn choose(place: Place, form: Result<PageForm<Chosen>, ApiError>) -> Response {
    let result = async {
        let PageForm(Chosen { language, here }) = form?;
        let Some(language) = Language::of_tag(&language) else { return Ok(place.go("portal")) };
        if let Ok(session) = place.at(PortalState::Full) {
            let visit = place.visit();
            place
                .state
                .blocking(move |service| service.portal_set_language(&session, language, &visit))
                .await?;
        }
        let own = here.strip_prefix(&place.path("")).filter(|_| here.len() <= MOST_CHARS);
        let plain = |page: &&str| page.bytes().all(|b| b.is_ascii_alphanumeric() || b"/?=&-_".contains(&b));
        let mut response = place.go(own.filter(plain).unwrap_or("portal"));
        let kept = language::keep(language, place.state.settings.secure);
        response.headers_mut().append(header::SET_COOKIE, kept);
        Ok(response)
    };
    let result = result.await;
    place.answer(result)
}
