package dev.chancery.hsm;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Digest;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Octets;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.SigningScheme;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A ledger in memory of one CRL, to have something that a key signs. */
final class OneCrl extends CrlLedger {
  @Override
  public BigInteger nextNumber(IssuerId issuer) {
    return BigInteger.ONE;
  }

  @Override
  protected Optional<Digest> commit(PreparedCrl prepared) throws IOException {
    return Optional.of(Digest.of(prepared.scheme(), prepared.toBeSigned()));
  }

  @Override
  protected boolean markPublished(
      Signed complete, Optional<Signed> delta, Optional<BigInteger> base) {
    return true;
  }

  @Override
  public Optional<PublishedCrl> current(CrlName name) {
    return Optional.empty();
  }

  @Override
  public Map<CrlName, BigInteger> currentNumbers() {
    return Map.of();
  }

  @Override
  public BigInteger locationsSince(CrlScope scope) {
    return BigInteger.ZERO;
  }

  @Override
  public Optional<PublishedCrl> base(CrlScope scope) {
    return Optional.empty();
  }

  @Override
  public void addLocation(CrlScope scope, URI location) {}

  @Override
  public List<URI> locations(CrlScope scope) {
    return List.of();
  }

  @Override
  public List<CrlScope> scopes(IssuerId issuer) {
    return List.of(CrlScope.unsharded(issuer));
  }

  static CrlLedger.Recorded recorded(Octets octets, SigningScheme scheme) throws IOException {
    return new OneCrl()
        .record(
            new PreparedCrl(
                CrlScope.unsharded(new IssuerId("issuer")),
                BigInteger.ONE,
                Optional.empty(),
                Instant.EPOCH,
                Instant.EPOCH.plusSeconds(60),
                scheme,
                octets))
        .orElseThrow();
  }
}
