package dev.chancery.server;

import java.net.URI;
import java.util.Optional;

/** An http or https URL without path, query or fragment, as certificates and directories carry. */
record BaseUrl(URI uri) {
  public BaseUrl {
    String scheme = Optional.ofNullable(uri.getScheme()).orElse("");
    if (!(scheme.equals("http") || scheme.equals("https"))
        || uri.getHost() == null
        || uri.getRawUserInfo() != null
        || !uri.getRawPath().isEmpty()
        || uri.getRawQuery() != null
        || uri.getRawFragment() != null) {
      throw new IllegalArgumentException("not an http or https URL without a path: " + uri);
    }
  }

  static BaseUrl parse(String text) {
    return new BaseUrl(
        URI.create(text.endsWith("/") ? text.substring(0, text.length() - 1) : text));
  }

  /** The host name or address, the latter without brackets. */
  String host() {
    String host = uri.getHost();
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  @Override
  public String toString() {
    return uri.toString();
  }
}
