package dev.chancery.acme;

/**
 * What an endpoint lets its accounts do with authorizations beside proving the names of one order.
 *
 * @param reuse whether a new order takes up the account's valid authorizations (RFC 8555 section
 *     7.4); when not, each order has its names proven anew
 * @param inAdvance whether names can be proven before they are ordered, by newAuthz (section
 *     7.4.1); only a reused authorization is of any use then
 */
public record AuthorizationUse(boolean reuse, boolean inAdvance) {
  /** All that the RFC has. */
  public static final AuthorizationUse FULL = new AuthorizationUse(true, true);

  public AuthorizationUse {
    if (inAdvance && !reuse) {
      throw new IllegalArgumentException(
          "names that are proven in advance are for orders that reuse authorizations");
    }
  }
}
