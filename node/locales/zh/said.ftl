# 故障的详情、值的写法与名称。

# 操作系统所报。

system-not-found = 不存在
system-denied = 没有权限
system-exists = 已存在
system-port-in-use = 端口已被占用
system-no-such-address = 本机没有这个地址
system-refused = 无人应答(连接被拒)
system-cut = 连接中断
system-timed-out = 超时未答
system-no-host = { $what }:找不到该主机
system-in-use = 另一进程正在使用
system-is-folder = 是文件夹
system-no-folder = 不是文件夹
system-full = 磁盘已满
system-read-only = 文件系统为只读

# 配置。

config-same-address = { $one } 与 { $other } 都是 { $address },请各用一个端口
config-admin-loopback = api.admin = { $address }:只能是环回地址(127.0.0.1)
config-open-loopback = 读取对所有人开放时,api.listen 必须是环回地址(127.0.0.1),不能是 { $address };要供他人读取,请去掉 --open-reading 并设 api.tokens
config-repeated-token = api.tokens:{ $name } 出现两次
config-same-key = keystore.validator、keystore.node、keystore.cosigner 中有两个同为「{ $label }」
config-witness-key = witness: { $key } 不是验证密钥(NAME+ID+KEY)
config-witness-log = witness.logs: { $log } 没有密钥,或重复
config-region = region = { $region } 不是可作成员的省份
config-peer = 对等节点的地址:{ $peer }(应为 主机:端口)
config-range = { $setting } 须在 1 至 { $most } 之间
config-unknown = { $origin }:没有设置项 { $key }
config-unknown-like = { $origin }:没有设置项 { $key };是否想写 { $like }?

# 口令与密钥。

passphrase-empty = 口令为空
passphrase-short = 至少 { $least } 个字符,一个汉字算两个
passphrase-long = 至多 1024 字节
passphrase-not-text = 不是 UTF-8 文字
passphrase-differ = 两次输入不一致
key-unknown = { $folder }:没有此名字或标识的密钥
key-exists = 此密钥已在这里,名为 { $label }
no-keystore = { $folder }:没有密钥文件夹(请看 --data-dir 或 --keystore)
no-key-of = { $folder } 中没有 { $owner } 的 { $role } 角色密钥
no-key-for = { $folder } 中没有 { $role } 角色的密钥
no-governor-key = { $folder } 中没有任何成员的治理人密钥
no-governor-key-of = { $folder } 中没有 { $region } 的治理人密钥:该行为须由其治理人签名
already-proposed = 同样的提案正在表决,无需再提:hefu proposal vote { $id } yes|no
already-granted = 同样的授权已经生效:hefu audit mandate show { $id }
which-authority = 这里有多个机构的密钥,请用 --as 指明其一:
    { $owners }
node-key-missing = 节点密钥 "{ $label }" 不在 { $folder } 中
node-key-other = 这里的节点密钥不是创世文件为 { $region } 写明的那一把
node-key-foreign = 这里的节点密钥在账本上属于 { $owner }
validator-key-other = 密钥库中有一个验证者密钥属于另一省,{ $region } 的节点不得用它签名
init-key-missing = 创世文件中 { $region } 的密钥 { $key } 不在 { $folder } 中

# 节点。

port-in-use = { $address };改用其他端口:{ $flag } 地址:端口,或设置项 { $setting }
halted = { $reason }
genesis-unsigned = { $file }:尚未签署的有 { $missing }
genesis-other = { $file } 是另一份创世文件;另一账本请用另一个数据文件夹
genesis-differs = 哈希为 { $found },而非 { $expected }
status-peers = 已连接 { $connected },共 { $known }
doctor-no-member = { $region } 不是创始成员,其密钥只在账本上
doctor-key-other = { $label }:这里是 { $found },创世文件写明的是 { $expected }
doctor-key-missing = { $label }:不在这里;创世文件写明的是 { $expected }
doctor-runs = 在运行:版本 { $version },高度 { $height }
doctor-clock-good = 不落后于账本(上一区块在 { $seconds } 秒前)
doctor-clock-behind = 本机比上一区块慢 { $seconds } 秒:请校准时钟(NTP)
doctor-result-ok = ✔ 通过
doctor-result-failed = ✘ 未通过
doctor-result-warning = ! 留意
doctor-result-note = · 说明

# 文件与所填内容。

file-not-utf8 = { $file } 不是 UTF-8 文字
file-too-large = { $file } 超过 64 MiB
qr-name = { $file }:文件名须以 .svg 或 .png 结尾
field-form = { $what }:字段写作 名称=值
not-in-vault = { $what }:本保险库中没有此标识或编号且已上链的记录
altered = { $file } 与颁发机构所承诺的不符;可以拒认,不能认可

# 须一并填写的。

needs-since = { $flags }:密钥泄露须写明起始时间
needs-compromised = --since 只与 { $flags } 同用
needs-parties = { $flags }:协议至少有两个不同的省份
until-before = { $flags }:末日早于首日
needs-change = { $flags }:没有给出任何变更
needs-evidence-other = { $flags }:种类 other 须附证据
needs-annul = --retroactive 只能与 { $flags } 同用
needs-as = { $flags }:没有证照文件时,须指明颁发机构
needs-reason = { $flags }:不是 accepted 的结果至少要有一个理由(1 至 20 或 99)
reason-with-acceptance = { $flags }:accepted 不带理由,请去掉
reason-unknown = --reason { $reason }:没有这个理由;可用 1 至 20 或 99
reasons-few = --reason:至多 { $most } 个,且不重复
needs-statute = { $flags }:理由 16 须附法规文本
needs-evidence = { $flags }:此理由须附证据
needs-keys = { $flags }:检查点与回执须用联署密钥核验
needs-of = { $flags }:单独的回执不含其交易
needs-differs = { $flags }:理由 3 即内容不符
needs-seal-invalid = { $flags }:理由 8 即印章不真
reason-against-check = --reason 3:{ $file } 经核验与存证相符
needs-conditions = { $flags }:有条件共享须附条件文本
needs-basis = { $flags }:不予共享须有法律或行政法规依据
needs-basis-tightening = { $flags }:收紧共享须有法律依据
needs-basis-request = { $flags }:申请须附法律依据
needs-basis-denial = { $flags }:理由 3 须附禁止提供的法律依据
needs-holder = { $flags }:理由 4 须指明数据的持有者
needs-reason-grant = { $flags }:暂停或收回授权须有理由
denial-unknown = --reason { $reason }:没有这个理由;可用 1 至 6 或 99
days-in-order = { $flags }:受理时限不得长于答复时限,答复时限不得长于提供时限
from-past = { $flags }:首日已过
ended-before = { $flags }:结束早于开始
grant-exceeds = 超出所申请的范围:{ $fields } 个字段、每日 { $uses } 次、{ $from } 至 { $until };部分字段须少于全部

# 演示。

demo-stopped = { $region }:已停止
demo-runs = { $region }:已重新启动
demo-stopped-already = { $region } 已经停止;启动请用:hefu demo start { $code }
demo-runs-already = { $region } 已在运行
demo-no-province = 演示中没有 { $region };有 { $known }
demo-cut = 已隔开:{ $regions } 与 { $others };恢复请用:hefu demo heal
demo-healed = 全部连接已恢复
demo-damaged = { $region }:改动了 { $file } 第 { $offset } 字节中的一位
demo-refused = { $region } 拒绝启动:{ $why }
demo-kept = 损坏的文件留作证据,存于 { $folder },演示结束即删(--keep 文件夹 可另存)
demo-copied = 已另存至 { $folder }
demo-fetched = { $region } 已从其他省重新取得账本:高度 { $height }
demo-failed = 未成:{ $why }
demo-silent = 写下 { $file } 的演示没有应答,可能已被强行终止

# 帮助与值的写法。

help-command = 命令
help-possible = [可用:{ $values }]
help-default = [默认:{ $values }]
form-duration = 时长,如 30s、5m 或 1h
form-day = 日期,如 2026-01-31
form-time = 时间,如 2026-01-31T08:00:00Z,或日期,或 1970 年以来的毫秒数
form-uscc = 18 位统一社会信用代码,含校验位(GB 32100)
form-id = 32 位十六进制标识
form-hash = 64 位十六进制数
form-height = 高度,为整数
form-type = 21 位证照类型代码(GB/T 36903)
form-item = 12 位事项编码
form-address = IP 地址与端口,如 127.0.0.1:8421
form-host = 主机与端口,如 node.example.cn:8431
form-lang = zh 或 en
form-range = 数值范围 { $range }
form-number = 整数
form-province = 省份,可用代码(320000)、字母(js)或名称
form-region = 六位行政区划代码
form-entry = 类型[@版本]=场景,场景,…
ph-file = 文件
ph-folder = 文件夹
ph-day = 日期
ph-time = 时间
ph-seconds = 秒数
ph-text = 文字
ph-code = 代码
ph-province = 省份
ph-region = 区划
ph-regions = 省份
ph-type = 类型
ph-scenario = 场景
ph-item = 事项
ph-height = 高度
ph-cursor = 游标
ph-label = 标签
ph-role = 角色
ph-kind = 种类
ph-name = 名称
ph-value = 值
ph-number = 编号
ph-reason = 理由
ph-hash = 哈希
ph-address = 地址
ph-host = 主机
ph-port = 端口
ph-digits = 数字
ph-key = 密钥
ph-id = 标识
ph-uscc = 信用代码
ph-att-id = 存证标识
ph-dec-id = 决定标识
ph-req-id = 申请标识
ph-grant-id = 授权标识
ph-rcp-id = 回执标识
ph-cat-id = 资源代码
ph-tx = 交易
ph-capsule = 胶囊
ph-genesis = 创世文件
ph-members = 成员文件
ph-files = 文件
ph-limit = 行数
ph-batch = 行数
ph-parallel = 笔数
ph-format = 格式
ph-output = 格式
ph-rate = 笔数
ph-engine = 引擎
ph-shell = 外壳
ph-old = 旧密钥
ph-draft = 草稿
ph-presentation = 出示件
ph-licence = 证照
ph-action = 事项
ph-vote = 票
ph-state = 状态
ph-level = 层级
ph-title = 名称
ph-version = 版本
ph-class = 类别
ph-share = 共享
ph-mode = 方式
ph-outcome = 结果
ph-consent = 同意
ph-records = 记录数
ph-per-day = 次数
ph-missing = 所缺
ph-subject = 对象
ph-flag = 标记
leaf-already = { $id } 已是单独记录。
leaf-goes-along = { $id } 为批量存证,将在同一交易中转为单独记录。
import-batch = 批次 { $id }:{ $count } 份证照合为一个行为。
batch-size = 一批须为 1 至 { $most } 行。
batch-one-kind = 一批决定须属同一场景、同一协议。
hour-one-grant = 凭证须属同一授权且互不相同。
rule-fixed = 只有 catalogue 与 parameters 可由半数决定。
salt-erased = { $id } 的盐值与文档已在此销毁。
confirm-destroy = 销毁 { $id } 的盐值与文档?此后无人能再打开其记录。
batch-list-empty = 尚无批次。
request-list-empty = 尚无请求。可用:hefu cert request ATT_ID --wanted suspend --reason N --evidence FILE
seal-list-empty = 尚无登记的印章。可用:hefu cert seal register HASH …
hour-list-empty = 尚无时段申报。可用:hefu share hour FILE
col-threshold-share = 须超过
value-majority = 半数
value-two_thirds = 三分之二
value-catalogue = 类型与场景
value-parameters = 参数与日历
value-membership = 成员
value-suspension = 停权
value-recovery = 更换治理者
value-keys = 失密密钥
value-rules = 本规则表

# bench
bench-range = { $name } 须为 { $least } 至 { $most }
bench-signing = 正在签名:{ $done } / { $of } 笔交易
bench-laying = 历史:已写入 { $done } / { $of } 项登记
bench-floor = 正在测量下限:任何账本都省不掉的工作
bench-starting = 验证者正在启动
bench-preparing = 正在登记将被互认的证照
bench-loading = 已提交 { $acts } 项操作
bench-settling = 各验证者正在到达同一高度
bench-joining = 一个被清空的验证者正在重新加入
bench-checking = 正在核对已确认的操作是否都在盘上
bench-report =
    { $validators } 个验证者,{ $cores } 个核心
    已提交      { $acts } 项/秒     下限 { $floor } 项/秒     效率 { $efficiency }
    延迟        p50 { $p50 } ms   p90 { $p90 } ms   p99 { $p99 } ms   最长 { $longest } ms
    每项开销    全部验证者 { $cpu } µs 处理器时间,每个写入 { $written } 字节,本身 { $size } 字节(写入为其 { $ratio } 倍)
    内存        启动后 { $start } MiB,最多 { $memory } MiB
    区块        { $blocks } 个,平均 { $per_block } 项     失败 { $failed }     请稍后再来 { $busy }     仍在等待 { $left }     已确认却丢失 { $lost }
    本机        批量验签每个 { $verify } µs,落盘一次 { $sync } ms
bench-history =
    历史        { $records } 项登记,状态树 { $keys } 个键,区块 { $blocks } MiB,索引 { $index } MiB;写入用时 { $seconds } 秒
bench-overload =
    过载        每秒送入 { $offered } 项:提交 { $acts } 项(为最高值的 { $ratio } 倍),请稍后再来 { $busy } 项,失败 { $failed } 项,未送出 { $left } 项;其后每秒提交 { $recovered } 项
                p50 { $p50 } ms   p99 { $p99 } ms     内存由 { $before } MiB 到 { $after } MiB
bench-catch-up =
    追赶        历史 { $history } 项用时 { $first } 秒,其后 { $acts } 项用时 { $seconds } 秒:为负载速度的 { $ratio } 倍
config-webhook = webhooks: { $name } 不可用:名称须唯一,由小写字母、数字与 - 组成;须为 https;attempts 为 1 至 20,pause_ms 为 1 至 60000;至多 16 个
no-waiting-act = { $act }:没有这样一件等待签名的行为(至少写前 8 位);hefu proposal pending 列出全部
which-waiting-act = 有多件等待签名的行为与此相符:请以 hefu proposal pending 查看,以 hefu proposal sign 指明其一
state-now = 现为「{ $now }」
state-wanted = 现为「{ $now }」,此操作须为「{ $wanted }」
state-offered = 现为「{ $now }」,已提出转往 { $to },尚未了结
transfer-own = { $to } 即证照所在的本省
transfer-no-member = { $to } 不是在任成员
agreement-party = { $what } 不是在任成员
agreement-days = 结束早于生效日 { $what }
agreement-type = 类型 { $what } 未采用
agreement-scenario = 场景 { $what } 未采用
decision-in-batch = 若它是批次中的一件,先由记录该批次的省份转为单独记录:hefu recognise open 批次 { $id };hefu recognise batches 列出批次
refused-no-proof = 该交易在高度 { $height } 被拒({ $code }):被拒的交易不在审计日志中,没有证据可出
form-tx = 64 位十六进制交易号,或所记之物:dec:标识、att:标识、case:标识等
ph-count = 个数
ph-days = 天数
ph-alg = 算法
ph-wanted = 所求
ph-accept = 答复
ph-about = 对象
ph-record = 记录
ph-stage = 环节
ph-hex = 十六进制
ph-grade = 等次
ph-channel = 渠道
ph-applicant = 申请人
ph-n = 编号
ph-place = 位次
ph-threshold = 门槛
ph-proposal = 议案
ph-cert-version = 证照版本
ph-digest-match = 是否相符
ph-seal-verdict = 验章结果
ph-entry-mode = 认可程度
ph-dispute-days = 天数
ph-open-attr = 开放属性
ph-update-cycle = 更新周期
ph-data-class = 数据级别
ph-ack-days = 天数
ph-answer-days = 天数
ph-deliver-days = 天数
ph-waiting = 行为
days-backwards = { $flags }:末日早于首日
day-not-over = { $day } 尚未结束(按账本时间)
leaf-not-here = { $id }:这里的保险库没有这一件;批量存证中的一件只能由导入它的保险库办理
perhaps-leaf = { $id };若它是批量存证中的一件,先由导入它的省份转为单独记录:hefu cert materialise { $id }
batch-not-here = { $file };批次中的决定只保存在记录它的省份,请在那里办理
format-unknown = { $flags }:文件名看不出格式
ph-acts-per-tx = 操作数
ph-blocks = 块数
ph-extent = 范围
ph-mandate = 授权
ph-overlap-days = 天数
ph-percent = 百分比
ph-purpose = 目的
ph-question = 问题
ph-status = 状态
ph-validators = 个数
ph-what = 内容
ph-workload = 负载
ph-at-height = 高度
ph-from = 起
ph-from-height = 高度
ph-to-height = 高度
ph-certificate = 存证标识
ph-authority = 信用代码
ph-actor = 信用代码
ph-issuer-region = 省份
ph-relying-region = 省份
ph-wrong = 真假
ph-catalogue = 资源代码
ph-commitment = 承诺值
ph-consumer = 信用代码
ph-provider = 信用代码
ph-other = 省份
ph-lead = 省份
ph-handler = 信用代码
ph-pauses = 次数
ph-pause-days = 天数
ph-power = 代码
ph-in-force = 真假
ph-opposed = 省份
ph-member = 省份
ph-hours = 小时数
ph-sample = 省份
ph-holder = 持证人

# 代码错在何处。
code-alphabet = 第 { $position } 位不是信用代码可用的字符
code-bank-card = 疑似银行卡号
code-character = 含有不应出现的字符
code-check = 校验码应为 { $expected }
code-citizen-id = 疑似公民身份号码
code-definer = 定义机构
code-inner-check = 第 17 位(主体标识码的校验码)应为 { $expected }
code-issuer = 颁发机构
code-length = 应为 { $most } 个字符,实为 { $found } 个
code-lower-case = 字母须为大写
code-mobile-number = 疑似手机号码
code-number = 不是范围内的数字
code-old-citizen-id = 疑似旧式公民身份号码
code-other-issuer = 标识中的颁发机构与文件不同
code-other-type = 标识中的证照类型与文件不同
code-other-version = 标识中的版本与文件不同
code-parts = 根之后应依次为类型、颁发机构、流水号、版本、校验码
code-region = 第 3 至 8 位须为数字
code-root = 不以 1.2.156.3005.2. 开头
code-sequence = 末三位须为 001 至 999
code-serial-character = 流水号只能含数字与大写字母
code-serial-length = 流水号有 { $found } 个字符,应为 1 至 { $most } 个
code-too-long = { $found } 个字符,超过上限 { $most }
code-type = 证照类型
code-version = 版本须为 001 至 999
form-unit = 窗口代码及所在区划,如 W-01=310115
ph-unit = 窗口
