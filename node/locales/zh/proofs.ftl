# 证明为何不成立:程序库的原话按键的次序取第一个合适的。

# Files.

proof-said-changed = 文件被改动或已损坏
proof-said-parts = 超过 { $records } 条记录或 { $cosigners } 个联署方
proof-said-format = 不认识格式版本 { $version }
proof-said-genesis-capsule = 该证据包属于账本 { $found },不是 { $expected }
proof-said-genesis-file = 该文件属于账本 { $found },不是 { $expected }
proof-said-kept = { $file }(本命令保存的文件;移走它即从创世重新开始):{ $error }

# Capsules.

proof-said-header-else = 区块头 { $height }:提交证书或验证者集合不是它的
proof-said-other-ledger = 交易是为另一本账本作出的
proof-said-signature-capsule = 签名不是证据包中的密钥作出的
proof-said-inclusion = 交易并未记录在高度 { $height }
proof-said-status-order = 状态的高度 { $status } 早于记录的高度 { $recorded }
proof-said-record = 第 { $number } 条记录没有得到证明
proof-said-cosigner = 省份 { $region } 的联署密钥没有得到证明,或不在应在的位置
proof-said-checkpoint = 检查点不属于这本日志
proof-said-cosignature = 省份 { $region } 的联署签名未通过核验
proof-said-receipt = 省份 { $region } 的回执未通过核验

# Headers.

proof-said-chain = 该区块头属于账本 { $chain }
proof-said-stale = 高度 { $found } 不在已知的高度 { $trusted } 之后
proof-said-unasked = 问的是高度 { $wanted },答的是高度 { $found }
proof-said-time = 区块头 { $height }:时间不晚于前一个区块头
proof-said-future = 区块头 { $height }:时间比本机时钟快 { $ms } 毫秒
proof-said-leaves = 区块头 { $height }:日志有 { $found } 片叶,更早的已有 { $known } 片
proof-said-handover = 区块头 { $height }:作出决定的验证者集合不是前一个区块头所指的
proof-said-parent = 区块头 { $height }:接续的不是已知的那个区块
proof-said-overlap = 区块头 { $height }:已知权重中只有 { $found } 签名,跨一步需要 { $needed }
proof-said-expired = 区块头 { $height } 太旧,不能由它跨过验证者的变更

# Forks.

proof-said-no-fork = 两个区块头并不矛盾
proof-said-forged = 另一个区块头的提交证书或验证者集合不是它的
proof-said-strangers = 在另一个区块头上签名的验证者权重为 { $found },构成分叉需要 { $needed }
proof-said-unlinked = 跨过了验证者的变更;证明需要全部变更

# Certificates.

proof-said-place = 第 { $number } 个签名次序不对,或不指向任何验证者
proof-said-certificate-signature = 验证者 { $index } 的签名未通过核验
proof-said-power = 签名的权重为 { $found },需要 { $needed }

# Contradictions of validators.

proof-said-evidence-height = 区块头在高度 { $header },证据在高度 { $evidence }
proof-said-not-in-order = 两条消息次序不对
proof-said-no-contradiction = 两条消息并不矛盾
proof-said-evidence-signature = 有签名未通过核验

# Encodings.

proof-said-not-encoding = 不是有效的编码(第 { $position } 字节处)
proof-said-not-canonical = 不是规范编码
proof-said-too-many-bytes = { $found } 字节,超过允许的 { $bound } 字节
proof-said-acts = { $number } 个行为:可有 1 至 { $most } 个
proof-said-transactions = { $number } 笔交易:可有 1 至 { $most } 笔
proof-said-validators = { $number } 个验证者:可有 1 至 { $most } 个
proof-said-act-bytes = 第 { $position } 个行为有 { $bytes } 字节,最多 { $most } 字节
proof-said-suite = 算法 { $number } 不属于任何已知套件
proof-said-content-type = 内容类型不是 { $type }
proof-said-subject = 主题不是至多 { $most } 字节的可打印 ASCII
proof-said-province-power = 省份 { $region } 的投票权重超出范围
proof-said-province-twice = 省份 { $region } 或其密钥出现两次

# Logs and maps.

proof-said-log-order = 有 { $old } 片叶的日志不可能先于有 { $new } 片的
proof-said-log-bound = 有 { $size } 片叶的日志超过上限
proof-said-log-hash = 缺少第 { $level } 层的第 { $index } 个哈希
proof-said-log-leaf = 叶 { $index } 不在有 { $size } 片叶的日志中
proof-said-log-outside = { $index } 超出有 { $size } 片叶的日志
proof-said-log-older-root = 证明通不到较早的根
proof-said-log-root = 证明通不到根
proof-said-log-leaves = 证明针对 { $found } 片叶,日志头有 { $expected } 片
proof-said-log-hashes = { $found } 个哈希,不是这一证明所需的数目
proof-said-map-shape = 没有映射会是这种形状
proof-said-map-way = 另一个键不在这条路径上
proof-said-map-siblings = { $found } 个兄弟节点,多于路径的位数

# Checkpoints, statements, receipts.

proof-said-line = 检查点第 { $number } 行不合规定
proof-said-claim = 回执中有一项声明不合规定
proof-said-receipt-algorithm = 密钥的算法与回执的不同
proof-said-receipt-signature = 签名不是这把密钥对这本日志作出的
proof-said-receipts = { $number } 份回执:可有 1 至 { $most } 份
proof-said-note-long = 签名文本超过 { $most } 字节,或签名过多
proof-said-note-text = 不是没有控制字符的文本
proof-said-note-shape = 不是“正文、空行、签名”的形式
proof-said-note-line = 第 { $number } 行不是签名行
proof-said-note-key = 不是验证密钥:名称+编号+密钥
proof-said-note-kind = 不认识签名种类 { $number }
proof-said-note-signature = 有一行签名写着已知的密钥,但签名未通过核验
proof-said-another-statement = 该陈述是关于另一笔交易的
proof-said-origin = 来源是 { $origin }
proof-said-no-cosigner = 没有一个联署签名出自已知的密钥
proof-said-transaction-chain = 该交易是为另一本账本作出的
proof-said-receipt-twice = 同一密钥的回执出现两次
proof-said-no-receipt = 没有一份出自已知的密钥

# What holds another: after those that begin alike.

proof-said-z-encoding = 编码:{ $error }
proof-said-z-evidence = 证据:{ $error }
proof-said-z-header = 区块头 { $height }:{ $error }
proof-said-z-other = 另一个区块头:{ $error }
proof-said-z-proof = 证明:{ $error }
proof-said-z-transaction = 交易:{ $error }
proof-said-z-transaction-of = 第 { $position } 笔交易:{ $error }
