package dev.chancery.server;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * A mapping of a YAML file, read strictly: each key is asked for by name, and {@link #end} refuses
 * those that no one asked for. It stays with YAML's nodes instead of bound objects because only
 * they know the line of everything.
 */
public final class YamlSection {
  private static final int LONGEST_FILE = 64 * 1024;

  /** The file, and what stands in its tree without standing in it: --set, by the node. */
  private record Source(Path file, Map<Node, String> overridden) {
    ConfigurationInvalid refusal(Node node, String reason) {
      String override = overridden.get(node);
      if (override == null) {
        return ConfigurationInvalid.at(file, node.getStartMark().getLine() + 1, reason);
      }
      boolean named = reason.startsWith(override + ":") || reason.startsWith(override + " ");
      return new ConfigurationInvalid("--set " + (named ? "" : override + ": ") + reason);
    }
  }

  private final Source source;
  private final String path;
  private final MappingNode node;
  private final Map<String, NodeTuple> left;

  private YamlSection(Source source, String path, MappingNode node, Map<String, NodeTuple> left) {
    this.source = source;
    this.path = path;
    this.node = node;
    this.left = left;
  }

  /** The mapping that a file is. */
  public static YamlSection ofFile(Path file) throws ConfigurationInvalid {
    return ofFile(file, Map.of());
  }

  /**
   * The mapping that a file is.
   *
   * @param overrides values by dotted path, written as YAML, that win over the file's
   */
  public static YamlSection ofFile(Path file, Map<String, String> overrides)
      throws ConfigurationInvalid {
    try {
      if (Files.size(file) > LONGEST_FILE) {
        throw new ConfigurationInvalid(file + ": longer than " + LONGEST_FILE + " octets");
      }
      return ofText(file, Files.readString(file), overrides);
    } catch (CharacterCodingException e) {
      throw new ConfigurationInvalid(file + ": not UTF-8");
    } catch (IOException e) {
      throw new ConfigurationInvalid(file + ": cannot be read");
    }
  }

  /** As {@link #ofFile}, of what the file has or will have. */
  public static YamlSection ofText(Path file, String text, Map<String, String> overrides)
      throws ConfigurationInvalid {
    try {
      Node root = new Yaml(new LoaderOptions()).compose(new StringReader(text));
      if (root == null) {
        throw ConfigurationInvalid.at(file, 1, "the file is empty");
      }
      // A node equals only itself.
      Map<Node, String> overridden = new HashMap<>();
      for (Map.Entry<String, String> override : overrides.entrySet()) {
        YamlOverride.apply(root, override.getKey(), override.getValue(), overridden);
      }
      return of(new Source(file, overridden), "", root);
    } catch (MarkedYAMLException e) {
      int line = e.getProblemMark() == null ? 1 : e.getProblemMark().getLine() + 1;
      throw ConfigurationInvalid.at(file, line, "not YAML: " + e.getProblem());
    } catch (YAMLException e) {
      throw new ConfigurationInvalid(file + ": not YAML: " + e.getMessage());
    }
  }

  private static YamlSection of(Source source, String path, Node node) throws ConfigurationInvalid {
    if (!(node instanceof MappingNode mapping)) {
      throw source.refusal(
          node, (path.isEmpty() ? "the file" : path) + " must hold keys and values");
    }
    Map<String, NodeTuple> entries = new LinkedHashMap<>();
    for (NodeTuple entry : mapping.getValue()) {
      if (!(entry.getKeyNode() instanceof ScalarNode key)) {
        throw source.refusal(entry.getKeyNode(), "a key must be a word");
      }
      if (entries.put(key.getValue(), entry) != null) {
        throw source.refusal(key, "key " + join(path, key.getValue()) + " stands there twice");
      }
    }
    return new YamlSection(source, path, mapping, entries);
  }

  /** A value that must be there; what the parser throws becomes the refusal of its line. */
  public <T> T required(String key, Function<String, T> parser) throws ConfigurationInvalid {
    Optional<T> value = optional(key, parser);
    if (value.isEmpty()) {
      throw refused(join(path, key) + " is missing");
    }
    return value.get();
  }

  public <T> Optional<T> optional(String key, Function<String, T> parser)
      throws ConfigurationInvalid {
    NodeTuple entry = left.remove(key);
    return entry == null
        ? Optional.empty()
        : Optional.of(scalar(join(path, key), entry.getValueNode(), parser));
  }

  /** A list of values; empty when the key is not there. */
  public <T> List<T> list(String key, Function<String, T> parser) throws ConfigurationInvalid {
    NodeTuple entry = left.remove(key);
    if (entry == null) {
      return List.of();
    }
    if (!(entry.getValueNode() instanceof SequenceNode sequence)) {
      throw source.refusal(entry.getValueNode(), join(path, key) + " must be a list: [a, b]");
    }
    List<T> values = new ArrayList<>();
    for (Node node : sequence.getValue()) {
      T value = scalar(join(path, key), node, parser);
      if (values.contains(value)) {
        throw source.refusal(node, join(path, key) + " holds " + value + " twice");
      }
      values.add(value);
    }
    return values;
  }

  public YamlSection requiredSection(String key) throws ConfigurationInvalid {
    Optional<YamlSection> section = section(key);
    if (section.isEmpty()) {
      throw refused(join(path, key) + " is missing");
    }
    return section.get();
  }

  public Optional<YamlSection> section(String key) throws ConfigurationInvalid {
    NodeTuple entry = left.remove(key);
    return entry == null
        ? Optional.empty()
        : Optional.of(of(source, join(path, key), entry.getValueNode()));
  }

  /** The section of a key; when the key is not there, one without keys. */
  public YamlSection sectionOrEmpty(String key) throws ConfigurationInvalid {
    Optional<YamlSection> section = section(key);
    return section.isPresent()
        ? section.get()
        : of(
            source,
            join(path, key),
            new MappingNode(
                Tag.MAP,
                true,
                List.of(),
                node.getStartMark(),
                node.getEndMark(),
                DumperOptions.FlowStyle.BLOCK));
  }

  /** A list of mappings; empty when the key is not there. */
  public List<YamlSection> sections(String key) throws ConfigurationInvalid {
    NodeTuple entry = left.remove(key);
    if (entry == null) {
      return List.of();
    }
    if (!(entry.getValueNode() instanceof SequenceNode sequence)) {
      throw source.refusal(entry.getValueNode(), join(path, key) + " must be a list");
    }
    List<YamlSection> sections = new ArrayList<>();
    for (Node node : sequence.getValue()) {
      // Counted as --set counts.
      sections.add(of(source, join(path, key) + "." + sections.size(), node));
    }
    return sections;
  }

  /** The keys that no one has asked for yet. */
  public List<String> keys() {
    return List.copyOf(left.keySet());
  }

  /** Refuses the first key that was not asked for. */
  public void end() throws ConfigurationInvalid {
    for (Map.Entry<String, NodeTuple> entry : left.entrySet()) {
      throw source.refusal(
          entry.getValue().getKeyNode(), "unknown key " + join(path, entry.getKey()));
    }
  }

  /** A refusal of this section as a whole, at the line where it begins. */
  public ConfigurationInvalid refused(@Nullable String reason) {
    return source.refusal(
        node, (path.isEmpty() ? "" : path + ": ") + (reason == null ? "not valid" : reason));
  }

  /** A refusal of the value of one key, at its own line. */
  ConfigurationInvalid refused(String key, String reason) {
    Node value = YamlOverride.value(node, key).orElse(node);
    return source.refusal(value, join(path, key) + ": " + reason);
  }

  private <T> T scalar(String name, Node node, Function<String, T> parser)
      throws ConfigurationInvalid {
    if (!(node instanceof ScalarNode scalar)) {
      throw source.refusal(node, name + " must be a single value");
    }
    try {
      return parser.apply(scalar.getValue());
    } catch (IllegalArgumentException e) {
      throw source.refusal(node, name + ": " + e.getMessage());
    }
  }

  private static String join(String path, String key) {
    return path.isEmpty() ? key : path + "." + key;
  }
}
