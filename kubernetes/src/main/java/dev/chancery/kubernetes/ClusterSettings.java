package dev.chancery.kubernetes;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * A Kubernetes cluster whose service accounts log in at {@code /v1/auth/<name>/login}.
 *
 * @param roots the certificates that its API server is trusted by, in a PEM file; the system's when
 *     empty
 */
public record ClusterSettings(String name, Verification verification, Optional<Path> roots) {
  /**
   * @throws IllegalArgumentException when the name cannot stand in the path
   */
  public ClusterSettings {
    ServiceAccounts.requireCluster(name);
  }

  /** The same, with its files found by this. */
  public ClusterSettings relativeTo(UnaryOperator<Path> resolve) {
    Verification found =
        switch (verification) {
          case ByReview review -> new ByReview(review.server(), resolve.apply(review.tokenFile()));
          case ByKeys published ->
              new ByKeys(
                  published.issuer(),
                  new Keys(
                      published.keys().url(),
                      published.keys().tokenFile().map(resolve),
                      published.keys().file().map(resolve)));
        };
    return new ClusterSettings(name, found, roots.map(resolve));
  }

  /** How its tokens are verified. */
  public sealed interface Verification {}

  /**
   * By asking its API server for each.
   *
   * @param tokenFile the token of an account that may create tokenreviews
   */
  public record ByReview(URI server, Path tokenFile) implements Verification {}

  /**
   * By the keys that it publishes.
   *
   * @param issuer what it calls itself in its tokens
   */
  public record ByKeys(String issuer, Keys keys) implements Verification {}

  /**
   * Where its keys are read from: a URL or a file.
   *
   * @param tokenFile the token that is shown at the URL; API servers tell nobody their keys unless
   *     they are told to
   */
  public record Keys(Optional<URI> url, Optional<Path> tokenFile, Optional<Path> file) {
    /**
     * @throws IllegalArgumentException when it is none or both, or a token for a file
     */
    public Keys {
      if (url.isPresent() == file.isPresent()) {
        throw new IllegalArgumentException("keys are read from a file or from a URL, one of them");
      }
      if (file.isPresent() && tokenFile.isPresent()) {
        throw new IllegalArgumentException("a file of keys is read without a token");
      }
    }
  }
}
