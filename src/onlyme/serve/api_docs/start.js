// Show the service's own OpenAPI document, and nothing that an address names.
window.addEventListener("load", () => {
  SwaggerUIBundle({
    dom_id: "#api",
    url: "/v1/openapi.json",
    queryConfigEnabled: false, // `?url=` and `?configUrl=` could show the document of another site
    validatorUrl: null, // which would send the document to another site
    deepLinking: true,
    persistAuthorization: false, // a token is gone with the page
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  });
});
