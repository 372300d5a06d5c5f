package dev.chancery.core;

import java.util.Comparator;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One of the lists that are published for a scope.
 *
 * @param delta whether it is the delta CRL (RFC 5280 section 5.2.4) and not the complete one
 */
public record CrlName(CrlScope scope, boolean delta) implements Comparable<CrlName> {
  private static final Comparator<CrlName> ORDER =
      Comparator.comparing(CrlName::scope).thenComparing(CrlName::delta);
  private static final Pattern PATH =
      Pattern.compile(
          "(?<issuer>[^/]{1,63})(/((?<shard>[1-9][0-9]{0,3})(?<sharddelta>-delta)?|(?<delta>delta)))?\\.crl");

  public static CrlName complete(CrlScope scope) {
    return new CrlName(scope, false);
  }

  public static CrlName delta(CrlScope scope) {
    return new CrlName(scope, true);
  }

  /** Where it is published, below whatever place: a relative path of a fixed form. */
  public String path() {
    String file =
        scope.isSharded() ? "/" + scope.shard() + (delta ? "-delta" : "") : delta ? "/delta" : "";
    return scope.issuer() + file + ".crl";
  }

  /** The list with this {@link #path}; empty when no list has it. */
  public static Optional<CrlName> ofPath(String path) {
    Matcher form = PATH.matcher(path);
    if (!form.matches()) {
      return Optional.empty();
    }
    try {
      IssuerId issuer = new IssuerId(form.group("issuer"));
      String shard = form.group("shard");
      return Optional.of(
          shard == null
              ? new CrlName(CrlScope.unsharded(issuer), form.group("delta") != null)
              : new CrlName(
                  new CrlScope(issuer, Integer.parseInt(shard)), form.group("sharddelta") != null));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  @Override
  public int compareTo(CrlName other) {
    return ORDER.compare(this, other);
  }

  @Override
  public String toString() {
    return scope + (delta ? " (delta)" : "");
  }
}
