package dev.chancery.hsm;

/**
 * What a token is called for. Each key has a queue for each of these, so that one kind of work,
 * however much of it there is, leaves the others their share of the token.
 */
public enum Operation {
  /** Signing certificates. */
  ISSUANCE(4),
  /** Signing CRLs: few, and each one is waited for by many. */
  CRL(2),
  /** Signing OCSP answers, which anyone on the network can ask for. */
  OCSP(4),
  /** Finding, making and checking keys. */
  UPKEEP(1);

  private final int share;

  Operation(int share) {
    this.share = share;
  }

  /** How many calls it gets in the time that another kind with share 1 gets one, when all wait. */
  int share() {
    return share;
  }
}
