package dev.chancery.server;

import dev.chancery.core.IssuerId;
import java.net.URI;

/** The URLs by which the outside reaches this server. */
record Addresses(BaseUrl publicUrl, BaseUrl apiUrl) {
  /** What the configuration says; else localhost and the port of the listener. */
  static Addresses of(Configuration.ExternalUrls configured, int publicPort, int apiPort) {
    return new Addresses(
        configured.publicUrl().orElseGet(() -> BaseUrl.parse("http://localhost:" + publicPort)),
        configured.api().orElseGet(() -> BaseUrl.parse("https://localhost:" + apiPort)));
  }

  URI crl(IssuerId issuer) {
    return URI.create(publicUrl + "/crl/" + issuer + ".crl");
  }

  URI ocsp() {
    return URI.create(publicUrl + "/ocsp");
  }

  URI certificate(IssuerId issuer) {
    return URI.create(publicUrl + "/ca/" + issuer + ".crt");
  }
}
