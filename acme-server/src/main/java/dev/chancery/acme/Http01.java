package dev.chancery.acme;

import dev.chancery.core.DnsName;
import dev.chancery.core.EmailName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.OtherName;
import dev.chancery.core.Refused;
import dev.chancery.core.UriName;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Optional;
import java.util.Set;

/**
 * The http-01 challenge (RFC 8555 section 8.3, RFC 8738): one attempt at reading the key
 * authorization from the web server of a name.
 *
 * <p>The client chooses where this goes, so each hop is looked up here, held against the networks
 * that may be connected to, and then connected to at exactly the address that was checked. Ports of
 * redirects are limited too: otherwise a redirect would reach any service behind this server's
 * firewall.
 */
final class Http01 implements Validator {
  private static final int MOST_REDIRECTS = 10;
  private static final int QUOTED = 64;
  private static final int LONGEST_URL = 200;
  private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);

  private final WebFetch fetch;
  private final TargetAddresses addresses;
  private final int port;
  private final Set<Integer> redirectPorts;

  Http01(WebFetch fetch, TargetAddresses addresses, int port, Set<Integer> redirectPorts) {
    this.fetch = fetch;
    this.addresses = addresses;
    this.port = port;
    this.redirectPorts = Set.copyOf(redirectPorts);
  }

  @Override
  public Outcome attempt(Attempt attempt) {
    try {
      Target target = first(attempt.name(), attempt.token());
      for (int hop = 0; hop <= MOST_REDIRECTS; hop++) {
        WebFetch.Answer answer = get(target, attempt.deadline());
        if (!REDIRECTS.contains(answer.status())) {
          return judge(target, answer, attempt.keyAuthorization());
        }
        target = redirected(target, answer);
      }
      throw new Unmet(
          AcmeError.INCORRECT_RESPONSE, "more than " + MOST_REDIRECTS + " redirects", true);
    } catch (Unmet e) {
      return e.outcome();
    }
  }

  /** One hop: a URL whose parts were checked. */
  private record Target(boolean secure, String host, int port, String pathAndQuery) {
    String origin() {
      String literal = host.contains(":") ? "[" + host + "]" : host;
      return (secure ? "https://" : "http://") + literal + ":" + port;
    }

    /** Without the query: what a relative reference is resolved against (RFC 3986 section 5.2). */
    String path() {
      return pathAndQuery.split("\\?", 2)[0];
    }

    String text() {
      return Seen.quoted(origin() + pathAndQuery, LONGEST_URL);
    }
  }

  private Target first(Name name, String token) {
    String host =
        switch (name) {
          case DnsName dns -> dns.value();
          case IpName ip -> ip.value();
          case UriName uri -> throw new IllegalArgumentException("no web server has a URI's name");
          case EmailName email ->
              throw new IllegalArgumentException("no web server has a mailbox's name");
          case OtherName other ->
              throw new IllegalArgumentException("no web server has such a name");
        };
    return new Target(false, host, port, "/.well-known/acme-challenge/" + token);
  }

  private WebFetch.Answer get(Target target, Deadline deadline) throws Unmet {
    Optional<WebFetch.Unreachable> last = Optional.empty();
    for (InetAddress address : addresses.of(target.host(), deadline)) {
      try {
        return fetch.get(
            target.secure(),
            target.host(),
            address,
            target.port(),
            target.pathAndQuery(),
            deadline);
      } catch (WebFetch.Unreachable e) {
        last = Optional.of(e);
      }
    }
    throw new Unmet(
        AcmeError.CONNECTION,
        "fetching "
            + target.text()
            + ": "
            + last.map(WebFetch.Unreachable::getMessage).orElse("no address"),
        false);
  }

  private Target redirected(Target from, WebFetch.Answer answer) throws Unmet {
    String location = answer.location().orElse("");
    String where = from.text() + " redirects to ";
    try {
      // URI would take a query alone for one of the folder.
      String reference = location.startsWith("?") ? from.path() + location : location;
      URI uri = new URI(from.origin() + from.path()).resolve(new URI(reference));
      boolean secure = "https".equalsIgnoreCase(uri.getScheme());
      if ((!secure && !"http".equalsIgnoreCase(uri.getScheme()))
          || uri.getHost() == null
          || uri.getRawUserInfo() != null) {
        throw new Unmet(
            AcmeError.INCORRECT_RESPONSE, where + "what is no plain http or https URL", true);
      }
      int toPort = uri.getPort() >= 0 ? uri.getPort() : secure ? 443 : 80;
      if (!redirectPorts.contains(toPort)) {
        throw new Unmet(
            AcmeError.INCORRECT_RESPONSE, where + "port " + toPort + ", not followed", true);
      }
      String path = uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
      String query = uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery();
      return new Target(secure, host(uri.getHost()), toPort, path + query);
    } catch (URISyntaxException | IllegalArgumentException | Refused e) {
      // The JDK refuses some addresses, those with a zone for example, by an unchecked exception.
      throw new Unmet(AcmeError.INCORRECT_RESPONSE, where + "what is no http or https URL", true);
    }
  }

  /** A host of a redirect is held to the same form as a name in an order. */
  private static String host(String host) throws Refused {
    if (host.startsWith("[")) {
      return new IpName(InetAddress.ofLiteral(host.substring(1, host.length() - 1))).value();
    }
    return IpName.isMeant(host) ? IpName.parse(host).value() : DnsName.parse(host).value();
  }

  private static Outcome judge(Target target, WebFetch.Answer answer, String keyAuthorization) {
    String seen =
        target.text()
            + " at "
            + answer.address().getHostAddress()
            + " port "
            + target.port()
            + " answered with status "
            + answer.status();
    if (answer.status() != 200) {
      return new Outcome.NotMet(Problem.of(AcmeError.INCORRECT_RESPONSE, seen), false);
    }
    // Section 8.3: white space at the end of the body does not count.
    String body = answer.body().stripTrailing();
    if (answer.complete() && body.equals(keyAuthorization)) {
      return new Outcome.Met();
    }
    return new Outcome.NotMet(
        Problem.of(
            AcmeError.INCORRECT_RESPONSE,
            seen
                + " and a body that is not the key authorization; it begins with "
                + Seen.quoted(answer.body(), QUOTED)),
        false);
  }
}
