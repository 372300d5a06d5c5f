package dev.chancery.core;

import java.util.Comparator;

/**
 * What a CRL is about (RFC 5280 section 5): the certificates of an issuer that name one shard of
 * its CRLs in their distribution point. The shard is fixed when a certificate is issued.
 *
 * @param shard {@link #UNSHARDED} for the certificates that name none
 */
public record CrlScope(IssuerId issuer, int shard) implements Comparable<CrlScope> {
  /** The shard of certificates that name none. */
  public static final int UNSHARDED = 0;

  /** No issuer has more shards than this. */
  public static final int MOST_SHARDS = 1000;

  private static final Comparator<CrlScope> ORDER =
      Comparator.comparing(CrlScope::issuer).thenComparingInt(CrlScope::shard);

  public CrlScope {
    if (shard < UNSHARDED || shard > MOST_SHARDS) {
      throw new IllegalArgumentException("shards have the numbers 1 to " + MOST_SHARDS);
    }
  }

  /** The certificates of an issuer that name no shard: all of them, where there are no shards. */
  public static CrlScope unsharded(IssuerId issuer) {
    return new CrlScope(issuer, UNSHARDED);
  }

  public boolean isSharded() {
    return shard != UNSHARDED;
  }

  @Override
  public int compareTo(CrlScope other) {
    return ORDER.compare(this, other);
  }

  @Override
  public String toString() {
    return isSharded() ? issuer + "/" + shard : issuer.toString();
  }
}
