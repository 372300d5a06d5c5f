package dev.chancery.acme;

/** What an endpoint makes of external account bindings (RFC 8555 section 7.3.4). */
public enum BindingRule {
  /** They are not looked at, and so not shown either. */
  NONE,
  /** One that is there must be right. */
  OPTIONAL,
  /** No account is made without one. */
  REQUIRED;

  /** Whether binding keys serve for anything at the endpoint. */
  public boolean takesBindings() {
    return this != NONE;
  }
}
