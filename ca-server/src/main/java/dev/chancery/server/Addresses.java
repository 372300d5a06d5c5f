package dev.chancery.server;

import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import java.net.URI;
import java.util.List;
import java.util.stream.IntStream;

/** The URLs by which the outside reaches this server. */
record Addresses(BaseUrl publicUrl, BaseUrl apiUrl) {
  /** What the configuration says; else localhost and the port of the listener. */
  static Addresses of(Configuration.ExternalUrls configured, int publicPort, int apiPort) {
    return new Addresses(
        configured.publicUrl().orElseGet(() -> BaseUrl.parse("http://localhost:" + publicPort)),
        configured.api().orElseGet(() -> BaseUrl.parse("https://localhost:" + apiPort)));
  }

  /** The CRL of a scope, as certificates name it. */
  URI crl(CrlScope scope) {
    return URI.create(publicUrl + "/crl/" + CrlName.complete(scope).path());
  }

  /** The CRLs of the first shards of an issuer, in their order. */
  List<URI> crlShards(IssuerId issuer, int shards) {
    return IntStream.rangeClosed(1, shards)
        .mapToObj(shard -> crl(new CrlScope(issuer, shard)))
        .toList();
  }

  URI ocsp() {
    return URI.create(publicUrl + "/ocsp");
  }

  URI certificate(IssuerId issuer) {
    return URI.create(publicUrl + "/ca/" + issuer + ".crt");
  }
}
