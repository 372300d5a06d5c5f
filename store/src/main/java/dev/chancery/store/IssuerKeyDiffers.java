package dev.chancery.store;

import dev.chancery.core.IssuerId;

/** The database knows an issuer of this name by another key. */
public final class IssuerKeyDiffers extends Exception {
  private static final long serialVersionUID = 1L;

  IssuerKeyDiffers(IssuerId issuer) {
    super("the database knows the issuer " + issuer + " by another key; give this one a new name");
  }
}
