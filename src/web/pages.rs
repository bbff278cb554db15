//! The reference pages, embedded in the binary, and the API documentation.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use rust_embed::RustEmbed;

use super::problem::Problem;

#[derive(RustEmbed)]
#[folder = "web/"]
struct Files;

/// The pages load nothing from elsewhere and run no inline script (Content Security Policy Level 3).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

fn file(name: &str) -> Result<HttpResponse, Problem> {
    let found = Files::get(name).ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type(name)))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(found.data.into_owned()))
}

async fn index() -> Result<HttpResponse, Problem> {
    file("index.html")
}

async fn asset(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    file(&format!("assets/{name}"))
}

/// `/`, `/assets/…`, `/openapi.json`, `/docs`.
pub(super) fn routes(config: &mut web::ServiceConfig, document: &utoipa::openapi::OpenApi) {
    let json = document.to_pretty_json().unwrap_or_default();
    config
        .route("/", web::get().to(index))
        .route("/assets/{name}", web::get().to(asset))
        .route(
            "/openapi.json",
            web::get().to(move || {
                let json = json.clone();
                async move { HttpResponse::Ok().content_type("application/json").body(json) }
            }),
        )
        .service(web::redirect("/docs", "/docs/"))
        .service(utoipa_swagger_ui::SwaggerUi::new("/docs/{_:.*}").url("/api-docs/openapi.json", document.clone()));
}
