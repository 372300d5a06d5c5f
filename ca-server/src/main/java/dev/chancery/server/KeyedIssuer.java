package dev.chancery.server;

import dev.chancery.core.TokenAway;
import dev.chancery.hsm.CrlKey;
import dev.chancery.hsm.IssuerKey;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.server.engine.Issuer;
import dev.chancery.store.IssuerKeyDiffers;
import dev.chancery.store.IssuerRegistry;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An issuer of the configuration with its keys in the token, proven to be those of its certificate.
 */
record KeyedIssuer(LoadedIssuer loaded, IssuerKey key, CrlKey crlKey, KeyId ocspKeyId) {

  /** Opens every issuer of the configuration and makes the ledger know it. */
  static List<KeyedIssuer> open(
      Home home, Configuration configuration, Token token, IssuerRegistry registry, Instant now)
      throws ConfigurationInvalid, TokenUnusable, TokenAway, IssuerKeyDiffers {
    List<KeyedIssuer> issuers = new ArrayList<>();
    for (Configuration.IssuerSection section : configuration.issuers()) {
      LoadedIssuer loaded = LoadedIssuer.read(home, section, now);
      KeyId id = section.keyId();
      IssuerKey key = token.issuerKey(id, loaded.publicKey(), loaded.scheme());
      CrlKey crlKey = token.crlKey(id, loaded.publicKey(), loaded.scheme());
      registry.register(loaded.id(), loaded.publicKey());
      issuers.add(new KeyedIssuer(loaded, key, crlKey, section.ocspKeyId()));
    }
    return List.copyOf(issuers);
  }

  /** The issuer as the engine knows it, with the URLs that its certificates will carry. */
  Issuer forIssuing(Home home, Addresses addresses) throws ConfigurationInvalid {
    try {
      return Issuer.of(
          loaded.id(),
          loaded.certificate(),
          List.of(loaded.chain()),
          Optional.of(key),
          new Issuer.Urls(
              Optional.of(addresses.crl(loaded.id())),
              Optional.of(addresses.ocsp()),
              Optional.of(addresses.certificate(loaded.id()))));
    } catch (IllegalArgumentException e) {
      throw new ConfigurationInvalid(home.configurationFile() + ": issuers: " + e.getMessage());
    }
  }
}
