package dev.chancery.server;

import dev.chancery.core.CrlScope;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.CrlKey;
import dev.chancery.hsm.IssuerKey;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.server.engine.Issuer;
import dev.chancery.store.IssuerKeyDiffers;
import dev.chancery.store.IssuerRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An issuer of the configuration with its keys in the token, proven to be those of its certificate.
 */
record KeyedIssuer(LoadedIssuer loaded, IssuerKey key, CrlKey crlKey) {

  /** Finds the keys of every issuer and makes the ledger know it. */
  static List<KeyedIssuer> open(List<LoadedIssuer> all, OpenTokens tokens, IssuerRegistry registry)
      throws ConfigurationInvalid, TokenUnusable, TokenAway, IssuerKeyDiffers {
    List<KeyedIssuer> issuers = new ArrayList<>();
    for (LoadedIssuer loaded : all) {
      issuers.add(open(loaded, tokens.ofKey(loaded.section())));
      registry.register(loaded.id(), loaded.publicKey());
    }
    return List.copyOf(issuers);
  }

  private static KeyedIssuer open(LoadedIssuer loaded, Token token)
      throws TokenUnusable, TokenAway {
    KeyId id = loaded.section().keyId();
    try {
      return new KeyedIssuer(
          loaded,
          token.issuerKey(id, loaded.publicKey(), loaded.scheme()),
          token.crlKey(id, loaded.publicKey(), loaded.scheme()));
    } catch (TokenUnusable e) {
      // The token knows its keys, not whose they should be.
      throw new TokenUnusable(loaded.where() + e.getMessage(), e);
    }
  }

  /**
   * The issuer as the engine knows it, with the URLs that its certificates will carry.
   *
   * @param crlShards how many shards of CRLs they are spread over; 0 for none
   */
  Issuer forIssuing(Addresses addresses, int crlShards) throws ConfigurationInvalid {
    try {
      return Issuer.of(
          loaded.id(),
          loaded.certificate(),
          loaded.root(),
          loaded.chains(),
          Optional.of(key),
          new Issuer.Urls(
              Optional.of(addresses.crl(CrlScope.unsharded(loaded.id()))),
              addresses.crlShards(loaded.id(), crlShards),
              Optional.of(addresses.ocsp()),
              Optional.of(addresses.certificate(loaded.id()))));
    } catch (IllegalArgumentException e) {
      throw new ConfigurationInvalid(loaded.file() + ": " + e.getMessage());
    }
  }
}
