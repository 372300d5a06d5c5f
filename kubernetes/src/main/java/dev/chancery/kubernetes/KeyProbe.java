package dev.chancery.kubernetes;

import dev.chancery.core.IssuerId;
import dev.chancery.core.TokenAway;

/** Finds out whether an issuer's key would sign at this moment. */
public interface KeyProbe {
  /**
   * Returns when it would.
   *
   * @throws TokenAway when its token does not answer
   */
  void probe(IssuerId issuer) throws TokenAway;
}
