package dev.chancery.server;

import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.Header;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * The first page that someone sees who follows the CA's URL: where the directory is, what to trust,
 * and commands to copy, filled in with this server's URLs.
 */
final class LandingPage {
  private final String page;
  private final Supplier<TrustBundle> bundle;

  /**
   * The page.
   *
   * @param bundle the roots to trust, as they are when someone looks
   */
  LandingPage(BaseUrl publicUrl, BaseUrl apiUrl, Supplier<TrustBundle> bundle) {
    String directory = apiUrl + "/acme/directory";
    this.page =
        template()
            .replace("{{directory}}", escaped(directory))
            .replace("{{public}}", escaped(publicUrl.toString()));
    this.bundle = bundle;
  }

  void routes(JavalinConfig config) {
    config.routes.get("/", this::show);
  }

  private void show(Context context) {
    context
        .header(Header.CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'")
        .header(Header.X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(Header.CACHE_CONTROL, "public, max-age=300")
        .html(filled(bundle.get()));
  }

  private String filled(TrustBundle trust) {
    return page.replace(
            "{{bundle}}",
            Base64.getEncoder().encodeToString(trust.pem().getBytes(StandardCharsets.US_ASCII)))
        .replace("{{roots}}", roots(trust));
  }

  private static String roots(TrustBundle trust) {
    return trust.roots().stream().map(LandingPage::root).collect(Collectors.joining("\n"));
  }

  private static String root(X509CertificateHolder root) {
    return "<dt>"
        + escaped(root.getSubject().toString())
        + "</dt><dd><code>"
        + TrustBundle.fingerprint(root)
        + "</code></dd>";
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  private static String template() {
    try (InputStream template = LandingPage.class.getResourceAsStream("landing.html")) {
      if (template == null) {
        throw new IllegalStateException("landing.html is not in the jar");
      }
      return new String(template.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
