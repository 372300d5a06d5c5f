package dev.chancery.kubernetes;

/** Verifies the tokens of one cluster's service accounts. */
interface ServiceAccountTokens {
  /**
   * Whose token it is.
   *
   * @param audience what it must be meant for
   * @throws VaultProblem 403, when it is nobody's, is over or is meant for something else; 503 when
   *     that cannot be found out at the moment
   */
  ServiceAccount verify(String token, String audience) throws VaultProblem;
}
