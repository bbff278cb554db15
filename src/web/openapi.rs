//! The OpenAPI document, collected from the handlers. Committed as `tests/openapi.json` and compared in a test.

use actix_web::App;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::AppExt as _;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chartlight",
        version = "1",
        description = "Grounded, verified, cited answers to patients' questions. Errors are problem+json (RFC 9457)."
    ),
    tags(
        (name = "patient", description = "A patient, or a proxy acting for one"),
        (name = "guidance", description = "The published guidance"),
        (name = "integration", description = "Other systems of the institution"),
        (name = "operations", description = "Health"),
        (name = "development", description = "Development mode only"),
    ),
    components(schemas(crate::domain::Event)),
    modifiers(&Bearer)
)]
struct Base;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        if let Some(components) = openapi.components.as_mut() {
            components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        }
    }
}

/// The document of this build.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, document) = App::new()
        .into_utoipa_app()
        .openapi(Base::openapi())
        .configure(super::routes)
        .split_for_parts();
    document
}
