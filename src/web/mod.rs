//! The only actix code: routes grouped by who calls, guards, DTOs, SSE, problem+json, OpenAPI.
//!
//! A handler takes its input apart, makes one call and maps the result. No SQL, prompt text or index call stands here.
//! Authentication is middleware around a scope, so that 401 and 403 are answered before a body is read.

pub mod conversations;
pub mod dev;
pub mod guard;
pub mod guidance;
pub mod health;
pub mod integration;
pub mod me;
pub mod messages;
pub mod openapi;
pub mod pages;
pub mod problem;
pub mod state;

use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::{App, HttpServer, web};
use tracing_actix_web::TracingLogger;
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;

pub use problem::{Code, Problem};
pub use state::WebState;

/// Headers on every answer. The page is self-contained: nothing may be loaded from anywhere else (OWASP Secure
/// Headers Project).
fn headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("X-Frame-Options", "DENY"))
        .add(("Cache-Control", "no-store"))
}

/// The route table.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        // Anyone: is it up, the page, the guidance.
        .service(health::live)
        .service(health::ready)
        .service(guidance::search)
        .service(guidance::suggest)
        .service(guidance::read_article)
        .service(guidance::read_revision)
        // Development mode only.
        .service(dev::sign_in)
        // A patient, or a proxy acting for one.
        .service(
            utoipa_actix_web::scope("/v1/me")
                .wrap(from_fn(guard::patient))
                .service(me::me)
                .service(me::my_chart)
                .service(me::result)
                .service(me::condition)
                .service(me::next_steps)
                .service(me::preventive_care)
                .service(me::access_log)
                .service(me::export),
        )
        .service(
            utoipa_actix_web::scope("/v1/conversations")
                .wrap(from_fn(guard::patient))
                .service(conversations::create)
                .service(conversations::list)
                .service(conversations::read)
                .service(conversations::delete)
                .service(messages::ask),
        )
        .service(
            utoipa_actix_web::scope("/v1/messages")
                .wrap(from_fn(guard::patient))
                .service(messages::feedback),
        )
        // Other systems of the institution.
        .service(
            utoipa_actix_web::scope("/v1/patients")
                .wrap(from_fn(guard::system))
                .service(integration::put_chart)
                .service(integration::erase),
        );
}

/// A server bound to its address, not yet running. `workers` 0 means one per processor.
///
/// # Errors
/// When the address cannot be bound.
pub fn bind(
    state: &WebState,
    address: (&str, u16),
    workers: usize,
    shutdown_seconds: u64,
) -> std::io::Result<(actix_web::dev::Server, u16)> {
    let data = web::Data::new(state.clone());
    let body_limit = state.body_limit;
    let documentation = openapi::document();
    let server = HttpServer::new(move || {
        let (app, _) = App::new()
            .into_utoipa_app()
            .app_data(data.clone())
            .app_data(
                web::JsonConfig::default()
                    .limit(body_limit)
                    .error_handler(problem::json_error),
            )
            .app_data(web::QueryConfig::default().error_handler(problem::query_error))
            .app_data(web::PathConfig::default().error_handler(problem::path_error))
            .configure(routes)
            .split_for_parts();
        app.configure(|config| pages::routes(config, &documentation))
            .default_service(web::to(problem::no_route))
            .wrap(from_fn(guard::stopping))
            .wrap(from_fn(guard::request_id))
            .wrap(headers())
            .wrap(TracingLogger::<guard::QuietSpan>::new())
    })
    .keep_alive(std::time::Duration::from_secs(75))
    .client_request_timeout(std::time::Duration::from_secs(15))
    .shutdown_timeout(shutdown_seconds)
    .disable_signals();
    let server = if workers == 0 { server } else { server.workers(workers) };
    let server = server.bind(address)?;
    let port = server.addrs().first().map_or(address.1, std::net::SocketAddr::port);
    Ok((server.run(), port))
}
