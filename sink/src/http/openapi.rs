//! The description of the sink's routes, made from the handlers themselves.

use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::views::Views;
use super::{image, list, rendition, stats, stream};

#[derive(OpenApi)]
#[openapi(
    info(title = "Safelight", description = "Images in, renditions out, gone after their time.", version = "1"),
    tags((name = "images", description = "Images and their renditions"), (name = "statistics", description = "Counts"))
)]
struct Description;

/// Returns the handlers with their descriptions.
pub(super) fn routes() -> OpenApiRouter<Views> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(list::get))
        .routes(routes!(image::get))
        .routes(routes!(rendition::get))
        .routes(routes!(stream::get))
        .routes(routes!(stats::get))
}

/// Returns the OpenAPI description of the sink's routes; `safelight openapi` merges it with ingest's.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, mut openapi) = routes().split_for_parts();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    openapi.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    openapi
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_route_is_described_and_asks_for_a_token() {
        let json = serde_json::to_value(super::openapi()).unwrap();
        let paths = json["paths"].as_object().unwrap();
        for path in
            ["/v1/images", "/v1/images/{id}", "/v1/images/{id}/renditions/{name}", "/v1/stream", "/v1/stats"]
        {
            assert_eq!(paths[path]["get"]["security"][0]["bearer"], serde_json::json!([]), "{path}");
        }
    }
}
